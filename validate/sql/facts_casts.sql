-- Casts that change no byte.
SELECT castsource, casttarget FROM pg_catalog.pg_cast WHERE castmethod OPERATOR(pg_catalog.=) 'b'
