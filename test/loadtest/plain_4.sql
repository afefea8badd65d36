SELECT user_id, email, name, status, role, created_at, last_login_at, transaction_count, spent_minor, verification_status FROM plain.users ORDER BY created_at DESC, user_id DESC LIMIT 20;
SELECT n FROM plain.counters WHERE name = 'users';
