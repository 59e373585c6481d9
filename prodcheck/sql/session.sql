-- Nothing that is asked here may write, wait for a lock, or run for long. $1: statement_timeout.
-- What was set before is kept, to be put back.
SELECT set_config('mig.saved_statement_timeout', current_setting('statement_timeout'), false),
       set_config('mig.saved_lock_timeout', current_setting('lock_timeout'), false),
       set_config('statement_timeout', $1, false),
       set_config('lock_timeout', '300ms', false),
       set_config('default_transaction_read_only', 'on', false)
