-- Parts of e-mails: the end of a last name, a number, the @. One user, or none, is found.
\set i random(1, :people)
\set ending random(1, 3)
SELECT swipesavvy.list_users(search => (CASE :ending::int WHEN 1 THEN 'son' WHEN 2 THEN 'berg' ELSE '' END) || :i || '@');
