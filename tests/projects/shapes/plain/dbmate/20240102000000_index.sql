-- migrate:up transaction:false
CREATE INDEX CONCURRENTLY t_w ON t (w);

-- migrate:down transaction:false
DROP INDEX CONCURRENTLY t_w;
UPDATE t SET w = NULL;
