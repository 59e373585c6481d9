UPDATE users SET v = 1 WHERE id = 1;
ALTER TABLE users DROP COLUMN phone;
