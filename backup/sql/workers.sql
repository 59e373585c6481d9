-- $1: how many parallel workers of the server a query of this transaction may have; and how many until now.
SELECT pg_catalog.current_setting('max_parallel_workers_per_gather'),
       pg_catalog.set_config('max_parallel_workers_per_gather', $1, true)
