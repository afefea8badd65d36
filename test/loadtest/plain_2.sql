\set u 1000000000000000000 + random(1, :users)
SELECT user_id, email, name, phone, created_at, status, transaction_count, spent_minor, preferred_language, notification_preferences FROM plain.users WHERE user_id = ('c000000040008' || :u)::uuid;
