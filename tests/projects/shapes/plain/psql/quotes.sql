DO $body$ BEGIN PERFORM 1; /* ; */ END $body$;
/* a /* nested */ ; */ UPDATE t SET v = 'it''s; fine' WHERE v = E'\';';
