-- The session as it was.
SELECT set_config('statement_timeout', current_setting('mig.saved_statement_timeout'), false),
       set_config('lock_timeout', current_setting('mig.saved_lock_timeout'), false),
       set_config('default_transaction_read_only', 'off', false)
