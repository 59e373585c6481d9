-- $1: OIDs of relations. One row for each live column, by relation and attnum.
-- The last column but one says whether values are character data of the database's encoding: whatever is
-- not known to be plain ASCII in its text form counts as such.  The last one: the type whose binary form
-- the values have (a domain's base; "enum" of any enum); NULL where nobody asked that far.
SELECT a.attrelid, a.attname, a.attnum, pg_catalog.format_type(a.atttypid, a.atttypmod),
       CASE WHEN a.attcollation OPERATOR(pg_catalog.<>) t.typcollation
            THEN (SELECT pg_catalog.quote_ident(n.nspname) OPERATOR(pg_catalog.||) '.'
                         OPERATOR(pg_catalog.||) pg_catalog.quote_ident(co.collname)
                    FROM pg_catalog.pg_collation co
                    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) co.collnamespace
                   WHERE co.oid OPERATOR(pg_catalog.=) a.attcollation) END,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid),
       CASE WHEN a.atthasmissing
            THEN (a.attmissingval::pg_catalog.text::pg_catalog.text[])[1] END,
       a.attidentity, a.attgenerated, a.attnotnull,
       COALESCE(NOT (b.typcategory IN ('B', 'D', 'G', 'I', 'N', 'T', 'V')
                     OR b.oid IN ('pg_catalog.bytea'::pg_catalog.regtype, 'pg_catalog.uuid'::pg_catalog.regtype,
                                  'pg_catalog.pg_lsn'::pg_catalog.regtype, 'pg_catalog.tid'::pg_catalog.regtype,
                                  'pg_catalog.int4range'::pg_catalog.regtype, 'pg_catalog.int8range'::pg_catalog.regtype,
                                  'pg_catalog.numrange'::pg_catalog.regtype, 'pg_catalog.tsrange'::pg_catalog.regtype,
                                  'pg_catalog.tstzrange'::pg_catalog.regtype, 'pg_catalog.daterange'::pg_catalog.regtype)),
                true),
       CASE WHEN u.typtype OPERATOR(pg_catalog.=) 'e' THEN 'enum'
            WHEN t.typtype OPERATOR(pg_catalog.<>) 'd' THEN pg_catalog.format_type(t.oid, a.atttypmod)
            WHEN u.typtype OPERATOR(pg_catalog.=) 'b' THEN pg_catalog.format_type(u.oid, t.typtypmod) END
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
  -- A domain's base, an array's element, an array's element's base (one step each is enough to be
  -- sure; what is deeper counts as text).
  LEFT JOIN pg_catalog.pg_type u
    ON u.oid OPERATOR(pg_catalog.=)
       CASE WHEN t.typtype OPERATOR(pg_catalog.=) 'd' THEN t.typbasetype ELSE t.oid END
  LEFT JOIN pg_catalog.pg_type b
    ON b.oid OPERATOR(pg_catalog.=)
       CASE WHEN u.typcategory OPERATOR(pg_catalog.=) 'A' THEN u.typelem ELSE u.oid END
  LEFT JOIN pg_catalog.pg_attrdef d
    ON d.adrelid OPERATOR(pg_catalog.=) a.attrelid AND d.adnum OPERATOR(pg_catalog.=) a.attnum
 WHERE a.attrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[])
   AND a.attnum OPERATOR(pg_catalog.>) 0
   AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum
