-- $1: OIDs of the affected tables, or NULL. Triggers switched off: a restore that was not finished, or
-- constraints that nobody enforces.
SELECT t.tgrelid::regclass::text || '.' || quote_ident(t.tgname), count(*)::float8,
       CASE WHEN t.tgisinternal THEN 'a foreign key''s trigger is disabled: it is not enforced'
            ELSE 'trigger is disabled' END,
       'warn', NULL::text
  FROM pg_trigger t
 WHERE t.tgenabled = 'D' AND t.tgrelid >= 16384
   AND ($1::oid[] IS NULL OR t.tgrelid = ANY ($1::oid[]))
 GROUP BY t.tgrelid, t.tgname, t.tgisinternal
 ORDER BY 1
