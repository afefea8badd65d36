-- segments: named groups of users that campaigns can be aimed at.

CREATE SEQUENCE swipesavvy.segments_segment_no_seq AS integer;

CREATE TABLE swipesavvy.segments (
    segment_no integer NOT NULL DEFAULT nextval('swipesavvy.segments_segment_no_seq'),
    name text COLLATE "C" NOT NULL,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT segments_pkey PRIMARY KEY (segment_no),
    CONSTRAINT a_segment_name_is_used_once UNIQUE (name),
    CONSTRAINT a_segment_has_a_name CHECK (name ~ '\S' AND length(name) <= 200)
);
COMMENT ON TABLE swipesavvy.segments IS 'Named groups of users.';
ALTER SEQUENCE swipesavvy.segments_segment_no_seq OWNED BY swipesavvy.segments.segment_no;

CREATE TABLE swipesavvy.segment_members (
    user_id uuid NOT NULL,
    segment_no integer NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT segment_members_pkey PRIMARY KEY (user_id, segment_no),
    CONSTRAINT a_member_is_a_user FOREIGN KEY (user_id) REFERENCES swipesavvy.users,
    CONSTRAINT a_member_belongs_to_a_segment FOREIGN KEY (segment_no) REFERENCES swipesavvy.segments
);
COMMENT ON TABLE swipesavvy.segment_members IS 'Which user is in which segment.';
CREATE INDEX segment_members_segment_no ON swipesavvy.segment_members (segment_no);

SELECT pg_catalog.pg_extension_config_dump('swipesavvy.segments', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.segments_segment_no_seq', '');
SELECT pg_catalog.pg_extension_config_dump('swipesavvy.segment_members', '');

CREATE FUNCTION swipesavvy.create_segment(name text, description text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_segment';
COMMENT ON FUNCTION swipesavvy.create_segment(text, text) IS
    'Creates a segment without members.';

CREATE FUNCTION swipesavvy.add_segment_members(name text, user_ids uuid[]) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_add_segment_members';
COMMENT ON FUNCTION swipesavvy.add_segment_members(text, uuid[]) IS
    'Adds users to a segment; added counts those that were not in it. At most 100,000 a call.';

CREATE FUNCTION swipesavvy.remove_segment_members(name text, user_ids uuid[]) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_remove_segment_members';
COMMENT ON FUNCTION swipesavvy.remove_segment_members(text, uuid[]) IS
    'Takes users out of a segment; removed counts those that were in it. At most 100,000 a call.';

CREATE FUNCTION swipesavvy.list_segments() RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_segments';
COMMENT ON FUNCTION swipesavvy.list_segments() IS
    'All segments with their number of members.';
