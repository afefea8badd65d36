\set n random(1, 1000000000)
BEGIN;
INSERT INTO plain.campaigns (campaign_id, name, campaign_type, status, offer_amount, offer_type, start_date, budget, spent, created_at) VALUES ('PLAIN-' || :n || '-' || gen_random_uuid(), 'Campaign ' || :n, 'SEASONAL', 'draft', 10000, 'PERCENTAGE', now(), 100000, 0, now()) RETURNING campaign_id, name, status, created_at;
UPDATE plain.counters SET n = n + 1 WHERE name = 'campaigns';
COMMIT;
