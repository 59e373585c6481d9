-- :rows rows of every common kind; 2.5 million are about 690 MB of heap and 660 MB of COPY text.
SET synchronous_commit = off;
SELECT setseed(0.42);
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    company_id int NOT NULL,
    token uuid NOT NULL,
    happened_at timestamptz NOT NULL,
    kind text NOT NULL,
    confirmed boolean,
    amount numeric(12,2),
    note text,
    payload jsonb NOT NULL
);
INSERT INTO events (company_id, token, happened_at, kind, confirmed, amount, note, payload)
SELECT (random() * 5000)::int,
       gen_random_uuid(),
       timestamptz '2024-01-01 00:00:00+00' + random() * interval '700 days',
       (ARRAY['login', 'logout', 'phish_clicked', 'phish_reported', 'course_started', 'course_done'])[1 + (random() * 5)::int],
       CASE WHEN random() < 0.1 THEN NULL ELSE random() < 0.5 END,
       CASE WHEN random() < 0.2 THEN NULL ELSE (random() * 100000)::numeric(12,2) END,
       CASE WHEN random() < 0.7 THEN NULL
            ELSE E'seen\tby user ' || (random() * 100000)::int || E'\tin campaign ' || (random() * 500)::int END,
       jsonb_build_object('user', (random() * 1000000)::int, 'agent', 'Mozilla/5.0 (Linux)',
                          'path', '/courses/' || (random() * 400)::int || '/lessons/' || (i % 13),
                          'from', '10.0.' || (i % 256) || '.' || (random() * 255)::int,
                          'tags', jsonb_build_array('t' || (i % 7), 't' || (i % 11), (random() * 100)::int),
                          'score', round((random() * 100)::numeric, 3))
  FROM generate_series(1, :rows) AS i;
ALTER TABLE events ADD PRIMARY KEY (id);
CREATE INDEX ON events (company_id, happened_at);
VACUUM (ANALYZE) events;
