-- Who is about to be lost: a model of it, trained on the log as far as it goes, and how good it is beside the days since the last purchase alone.
SELECT swipesavvy.train_ml_model('churn', '1998-07-01 00:00+00') IS NULL \g /dev/null
SELECT swipesavvy.train_models() IS NULL \g /dev/null

CREATE VIEW demo.churn AS
SELECT m.*, m.metrics -> 'test' AS test FROM swipesavvy.ml_models AS m WHERE m.model_name = 'churn' AND m.version = 1;

\echo
\echo 'Who is about to be lost: a model of who buys nothing for 60 days, by what was known of them before'
\echo
SELECT format('  trained on %s examples until %s in %s s, tested on the %s customers of the 60 days after', demo.number(train_examples),
              as_of::date - 60, round(duration_ms / 1000.0, 1), demo.number(test_examples))
FROM demo.churn;
SELECT format('  of a lost customer and another it names the lost one %s %% of the time (AUC %s); recency alone %s %%',
              to_char(100 * (test ->> 'auc')::numeric, 'FM990.0'), to_char((test ->> 'auc')::numeric, 'FM0.0000'), to_char(100 * (metrics ->> 'recency_auc')::numeric, 'FM990.0'))
FROM demo.churn;
SELECT format('  log-loss %s, where a constant has %s', to_char((test ->> 'log_loss')::numeric, 'FM0.0000'), to_char((test ->> 'base_log_loss')::numeric, 'FM0.0000'))
FROM demo.churn;
\echo
SELECT format('  %-30s %8s %8s   %s', 'tenths of them, by probability', 'thought', 'lost', '');
SELECT format('  %-30s %8s %8s   %s', CASE n WHEN 1 THEN 'least probable' WHEN 10 THEN 'most probable' ELSE '' END,
              to_char(100 * (bin ->> 'mean_p')::numeric, 'FM990') || ' %', to_char(100 * (bin ->> 'observed')::numeric, 'FM990') || ' %',
              demo.bar((bin ->> 'observed')::numeric, 1, 40, :'full', :'rest'))
FROM demo.churn, jsonb_array_elements(test -> 'calibration') WITH ORDINALITY AS b (bin, n)
ORDER BY n;
