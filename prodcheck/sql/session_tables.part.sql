-- What a session of others concerns: the affected tables that it holds ($1: their OIDs, or NULL), and its query.
       CASE WHEN $1::oid[] IS NULL AND a.datname = current_database() OR t.names IS NOT NULL
            THEN NULL ELSE 'cap-warn' END,
       a.query
  FROM pg_stat_activity a
  LEFT JOIN LATERAL (
        SELECT string_agg(DISTINCT l.relation::regclass::text, ', ') AS names
          FROM pg_locks l
         WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.granted
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND l.relation = ANY ($1::oid[])) t ON true
