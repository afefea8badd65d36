-- What must hold of the model: it is asked, and worth having.
SELECT string_agg(problem, '; ')
FROM (SELECT format('churn is %s (%s)', status, reason) AS problem FROM demo.churn WHERE status <> 'active'
      UNION ALL
      SELECT format('churn has an AUC of %s, and recency alone %s', test -> 'auc', metrics -> 'recency_auc')
      FROM demo.churn WHERE (test ->> 'auc')::numeric < (metrics ->> 'recency_auc')::numeric + 0.02
      UNION ALL
      SELECT 'there is no model of churn' WHERE NOT EXISTS (SELECT FROM demo.churn)) AS found;
