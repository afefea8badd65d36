-- purchases: the three doors of the award engine, and why a purchase earned what it did.

CREATE FUNCTION swipesavvy.record_transaction(
    user_id uuid, amount numeric, currency text DEFAULT NULL, merchant_id uuid DEFAULT NULL, account_id uuid DEFAULT NULL,
    occurred_at timestamptz DEFAULT NULL, status text DEFAULT 'completed', idempotency_key text DEFAULT NULL,
    metadata jsonb DEFAULT NULL, transaction_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_record_transaction';
COMMENT ON FUNCTION swipesavvy.record_transaction(uuid, numeric, text, uuid, uuid, timestamptz, text, text, jsonb, uuid) IS
    'Records a purchase (amount in major units) and everything it earns; a repeated idempotency_key changes nothing and answers as before.';

CREATE FUNCTION swipesavvy.record_transactions(purchases jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_record_transactions';
COMMENT ON FUNCTION swipesavvy.record_transactions(jsonb) IS
    'Records an array of purchases (objects with the arguments of record_transaction); results in the same order, errors among them.';

CREATE FUNCTION swipesavvy.explain_award(transaction_id uuid, user_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_explain_award';
COMMENT ON FUNCTION swipesavvy.explain_award(uuid, uuid) IS
    'Why a purchase earned what it did: each campaign, applied or not, and the first rule that excluded it.';

CREATE VIEW swipesavvy.purchases AS
    SELECT t.transaction_id, t.user_id, t.account_id, t.merchant_id, t.amount_minor, t.currency::text AS currency,
           t.status::text AS status, t.occurred_at, t.idempotency_key, t.metadata, t.recorded_at, t.points_base, t.points_bonus,
           t.points_base + t.points_bonus AS points_earned, t.discount_minor, t.refunded_minor
      FROM swipesavvy.transactions t;
COMMENT ON VIEW swipesavvy.purchases IS
    'Purchases with what they earned. INSERT and COPY record purchases: the columns up to metadata can be given, the others are computed.';
COMMENT ON COLUMN swipesavvy.purchases.transaction_id IS 'Given, or made.';
COMMENT ON COLUMN swipesavvy.purchases.amount_minor IS 'Amount before discounts, in minor units of the currency.';
COMMENT ON COLUMN swipesavvy.purchases.currency IS 'ISO 4217 code; the programme''s when not given.';
COMMENT ON COLUMN swipesavvy.purchases.status IS 'pending, completed (when not given), failed or cancelled.';
COMMENT ON COLUMN swipesavvy.purchases.occurred_at IS 'When the purchase was made; now() when not given.';
COMMENT ON COLUMN swipesavvy.purchases.recorded_at IS 'Computed: when it was processed.';
COMMENT ON COLUMN swipesavvy.purchases.points_base IS 'Computed: base points.';
COMMENT ON COLUMN swipesavvy.purchases.points_bonus IS 'Computed: bonus points of all campaigns.';
COMMENT ON COLUMN swipesavvy.purchases.points_earned IS 'Computed: base and bonus points, also while pending.';
COMMENT ON COLUMN swipesavvy.purchases.discount_minor IS 'Computed: discounts of all campaigns, in minor units.';
COMMENT ON COLUMN swipesavvy.purchases.refunded_minor IS 'Computed: what was refunded so far, in minor units.';

CREATE FUNCTION swipesavvy.purchases_begin() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_purchases_begin';
COMMENT ON FUNCTION swipesavvy.purchases_begin() IS 'Trigger: begins to collect the purchases of a statement.';
CREATE FUNCTION swipesavvy.purchases_insert() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_purchases_insert';
COMMENT ON FUNCTION swipesavvy.purchases_insert() IS 'Trigger: checks and collects a purchase.';
CREATE FUNCTION swipesavvy.purchases_end() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_purchases_end';
COMMENT ON FUNCTION swipesavvy.purchases_end() IS 'Trigger: records the purchases of a statement and what they earn.';
CREATE FUNCTION swipesavvy.purchases_refuse() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_purchases_refuse';
COMMENT ON FUNCTION swipesavvy.purchases_refuse() IS 'Trigger: refuses UPDATE and DELETE of purchases.';

CREATE TRIGGER collect_begin BEFORE INSERT ON swipesavvy.purchases
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.purchases_begin();
CREATE TRIGGER collect INSTEAD OF INSERT ON swipesavvy.purchases
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.purchases_insert();
CREATE TRIGGER collect_end AFTER INSERT ON swipesavvy.purchases
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.purchases_end();
CREATE TRIGGER refuse INSTEAD OF UPDATE OR DELETE ON swipesavvy.purchases
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.purchases_refuse();

-- What an INSERT earns is computed when the statement ends, after RETURNING. A trigger cannot see what RETURNING asks for, so
-- it would answer null, and null reads as "nothing". The rule can: what it returns for a column is only evaluated where the column is asked for.
-- With a rule the server refuses ON CONFLICT, too, which no trigger could honour. COPY knows no rules: it goes to the triggers above.
CREATE FUNCTION swipesavvy.purchases_computed(column_name text, column_type anyelement) RETURNS anyelement
    LANGUAGE C STABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_purchases_computed';
COMMENT ON FUNCTION swipesavvy.purchases_computed(text, anyelement) IS
    'What RETURNING of a computed column of the view purchases calls: an error that says where the value is to be had.';

CREATE VIEW swipesavvy.purchases_door AS SELECT * FROM swipesavvy.purchases;
COMMENT ON VIEW swipesavvy.purchases_door IS 'Where the rows of an INSERT into the view purchases go. Nobody else comes in here.';
CREATE TRIGGER collect_begin BEFORE INSERT ON swipesavvy.purchases_door
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.purchases_begin();
CREATE TRIGGER collect INSTEAD OF INSERT ON swipesavvy.purchases_door
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.purchases_insert();
CREATE TRIGGER collect_end AFTER INSERT ON swipesavvy.purchases_door
    FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.purchases_end();

CREATE RULE through_the_door AS ON INSERT TO swipesavvy.purchases DO INSTEAD
    INSERT INTO swipesavvy.purchases_door
           (transaction_id, user_id, account_id, merchant_id, amount_minor, currency, status, occurred_at, idempotency_key, metadata,
            recorded_at, points_base, points_bonus, points_earned, discount_minor, refunded_minor)
    VALUES (NEW.transaction_id, NEW.user_id, NEW.account_id, NEW.merchant_id, NEW.amount_minor, NEW.currency, NEW.status, NEW.occurred_at,
            NEW.idempotency_key, NEW.metadata,
            NEW.recorded_at, NEW.points_base, NEW.points_bonus, NEW.points_earned, NEW.discount_minor, NEW.refunded_minor)
    RETURNING transaction_id, user_id, account_id, merchant_id, amount_minor, currency, status, occurred_at, idempotency_key, metadata,
              swipesavvy.purchases_computed('recorded_at', NULL::timestamptz), swipesavvy.purchases_computed('points_base', NULL::bigint),
              swipesavvy.purchases_computed('points_bonus', NULL::bigint), swipesavvy.purchases_computed('points_earned', NULL::bigint),
              swipesavvy.purchases_computed('discount_minor', NULL::bigint), 0::bigint;

CREATE TABLE swipesavvy.imports (
    source text COLLATE "C" NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT '-infinity',
    transaction_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    row_id tid NOT NULL DEFAULT '(0,0)',
    rows_done bigint NOT NULL DEFAULT 0,
    rows_imported bigint NOT NULL DEFAULT 0,
    rows_set_aside bigint NOT NULL DEFAULT 0,
    digest bigint NOT NULL DEFAULT 0,
    file_node oid NOT NULL DEFAULT 0,
    table_oid oid NOT NULL DEFAULT 0,
    seen pg_snapshot,
    started_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT imports_pkey PRIMARY KEY (source)
);
COMMENT ON TABLE swipesavvy.imports IS 'How far import_purchases() came with each staging table.';
COMMENT ON COLUMN swipesavvy.imports.source IS 'The staging table, schema-qualified.';
COMMENT ON COLUMN swipesavvy.imports.occurred_at IS 'With transaction_id and row_id: the last row that was processed.';
COMMENT ON COLUMN swipesavvy.imports.rows_done IS 'Rows that were processed: those imported and those set aside.';
COMMENT ON COLUMN swipesavvy.imports.finished_at IS 'When the last call came to the end of the table.';
COMMENT ON COLUMN swipesavvy.imports.digest IS 'Sum of the hashes of the rows that were processed: tells whether they still are those in the table.';
COMMENT ON COLUMN swipesavvy.imports.file_node IS 'pg_relation_filenode() of the table when it was last called for: if it changed, and the rows too, the table was filled again.';
COMMENT ON COLUMN swipesavvy.imports.table_oid IS 'The table itself, then: a temporary one of the same name may be another session''s.';
COMMENT ON COLUMN swipesavvy.imports.seen IS
    'When it was last read: rows of transactions that this does not show came into the table later, however much they look like imported ones.';
COMMENT ON COLUMN swipesavvy.imports.rows_set_aside IS 'Rows that were not recorded; they are in import_errors.';

CREATE TABLE swipesavvy.import_errors (
    source text COLLATE "C" NOT NULL,
    error_id uuid NOT NULL DEFAULT swipesavvy.uuid_v7(),
    row_id tid NOT NULL,
    purchase jsonb NOT NULL,
    code text NOT NULL,
    message text NOT NULL,
    detail text,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT import_errors_pkey PRIMARY KEY (source, error_id)
);
COMMENT ON TABLE swipesavvy.import_errors IS 'Rows that import_purchases() set aside, with the error of each.';
COMMENT ON COLUMN swipesavvy.import_errors.row_id IS 'The row''s ctid in the staging table, as long as nothing moves it.';
COMMENT ON COLUMN swipesavvy.import_errors.purchase IS 'The columns of the row that are read.';
COMMENT ON COLUMN swipesavvy.import_errors.code IS 'SQLSTATE.';

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.imports', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.import_errors', '');

CREATE PROCEDURE swipesavvy.import_purchases(source regclass, chunk_size integer DEFAULT 10000, afresh boolean DEFAULT NULL)
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'swipesavvy_import_purchases';
COMMENT ON PROCEDURE swipesavvy.import_purchases(regclass, integer, boolean) IS
    'Records the purchases of a staging table with the columns of the view purchases, chunk by chunk, each committed; goes on where an '
    'earlier call was stopped. afresh tells, where that cannot be known, whether rows that look like imported ones are new purchases.';

CREATE FUNCTION swipesavvy.get_user_transactions(
    user_id uuid,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    start_date timestamptz DEFAULT NULL,
    end_date timestamptz DEFAULT NULL,
    after text DEFAULT NULL
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_transactions';
COMMENT ON FUNCTION swipesavvy.get_user_transactions(uuid, integer, integer, timestamptz, timestamptz, text) IS
    'The purchases of a user, newest first: those from start_date on and before end_date. after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.get_user_spending_analytics(
    user_id uuid,
    days integer DEFAULT 30,
    granularity text DEFAULT 'daily'
) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_user_spending_analytics';
COMMENT ON FUNCTION swipesavvy.get_user_spending_analytics(uuid, integer, text) IS
    'What a user spent in the last days (1 to 365, today included), by category, merchant and day, week or month; completed purchases '
    'in the programme''s currency, net of refunds.';
