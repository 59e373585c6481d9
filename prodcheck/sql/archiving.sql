-- An archiver that fails: WAL piles up and point-in-time recovery has a hole.
SELECT coalesce(a.last_failed_wal, 'archiver'), a.failed_count::float8,
       'archiving failed last at ' || to_char(a.last_failed_time, 'YYYY-MM-DD HH24:MI:SS')
           || coalesce(', succeeded last at ' || to_char(a.last_archived_time, 'YYYY-MM-DD HH24:MI:SS'),
                       ', never succeeded'),
       'fail', NULL::text
  FROM pg_stat_archiver a
 WHERE current_setting('archive_mode') <> 'off'
   AND a.last_failed_time > coalesce(a.last_archived_time, '-infinity')
