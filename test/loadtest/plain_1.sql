SELECT campaign_id, name, campaign_type, status, offer_amount, offer_type, start_date, end_date, budget, spent, created_at FROM plain.campaigns WHERE status <> 'archived' ORDER BY campaign_no DESC LIMIT 20;
SELECT n FROM plain.counters WHERE name = 'campaigns';
