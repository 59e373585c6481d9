-- +goose Up
ALTER TABLE t ADD COLUMN w text;

-- +goose Down
ALTER TABLE t DROP COLUMN w;
