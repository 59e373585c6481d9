-- $1: time zones. Day of the week (1 is Monday) and time there, by the server's clock.
SELECT w.zone, NULL::float8, to_char(clock_timestamp() AT TIME ZONE w.zone, 'ID HH24:MI'), 'ok', NULL::text
  FROM unnest($1::text[]) AS w (zone)
