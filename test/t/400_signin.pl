# Tokens against an implementation of their own in Perl, what is refused, rotation of keys, the same work for every refusal,
# planted secrets that must turn up nowhere, 64 who sign in at once, and PgBouncer in transaction mode.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha512 sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64 decode_base64);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension json);
use Test::More;
use Time::HiRes qw(usleep);

# The log as it is by default: the test module logs every statement with its parameters.
my $node = new_node('signin', "shared_preload_libraries = 'pg_stat_statements'\nlog_statement = none\n");
create_extension($node, 'app');
$node->safe_psql('app', 'CREATE EXTENSION pg_stat_statements');
my $ada = '00000000-0000-7000-8000-000000000ada';
my $bob = '00000000-0000-7000-8000-000000000b0b';
$node->safe_psql('app', "SELECT swipesavvy.create_user('$_->[0]\@example.com', '$_->[0]', 'correct horse', user_id => '$_->[1]')")
  for [ ada => $ada ], [ bob => $bob ];

sub sign_in { my ($who, $password) = @_; return json($node, 'app', "SELECT swipesavvy.sign_in('$who\@example.com', '$password')") }

# --- a JWT implementation of its own ---------------------------------------------------

sub to_url   { my $text = encode_base64($_[0], ''); $text =~ tr{+/}{-_}; $text =~ s/=+\z//; return $text }
sub from_url { my $text = $_[0]; $text =~ tr{-_}{+/}; return decode_base64($text . '=' x (-length($text) % 4)) }
my $json = JSON::PP->new->canonical->utf8;
sub token    { my ($header, $payload, $key) = @_; my $signed = to_url($header) . '.' . to_url($payload); return "$signed." . to_url(hmac_sha256($signed, $key)) }

my $now = time;
my %header = (alg => 'HS256', typ => 'JWT', kid => 'test-key');
my %claims = (sub => $ada, role => 'swipesavvy_customer', exp => $now + 600, nbf => $now, iat => $now, aud => 'swipesavvy', jti => 'x');
my $secret = join '', map { chr(33 + $_ % 90) } 1 .. 40;
(my $quoted = $secret) =~ s/'/''/g;

# --- what the server makes -----------------------------------------------------------------

my $in = sign_in('ada', 'correct horse');
my ($kid, $key) = split /\|/, $node->safe_psql('app', "SELECT kid, encode(secret, 'base64') FROM swipesavvy_private.token_keys");
$key = decode_base64($key);
is(length $key, 32, 'the key that was made on demand has 256 bits');
my ($h, $p, $s) = split /\./, $in->{access_token};
is(from_url($s), hmac_sha256("$h.$p", $key), 'the signature is the HMAC-SHA-256 of header and payload');
is(to_url(from_url($_)), $_, 'base64url without padding') for $h, $p, $s;
is_deeply($json->decode(from_url($h)), { alg => 'HS256', typ => 'JWT', kid => $kid }, 'the header');
my $made = $json->decode(from_url($p));
like(delete $made->{$_}, qr/^[0-9a-f]{8}-[0-9a-f]{4}-7/, "$_ is an id") for qw(jti sid);
cmp_ok(abs(delete($made->{iat}) - $now), '<', 60, 'issued now');
cmp_ok($made->{exp} - $made->{nbf}, '==', 900, 'for 15 minutes');
delete @$made{qw(exp nbf)};
is_deeply($made, { sub => $ada, role => 'swipesavvy_customer', aud => 'swipesavvy' }, 'and nothing else is in it');
$node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"token_lifetime_minutes": 2, "session_lifetime_days": 7}')});
is(sign_in('ada', 'correct horse')->{expires_in}, 120, 'the lifetime is a setting');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy_private.user_sessions WHERE expires_at - created_at BETWEEN $$6 days 23:59$$ AND $$7 days 00:01$$'),
    1, 'and so is the session\'s');
$node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"token_lifetime_minutes": 15, "session_lifetime_days": 30}')});

# --- what it believes, and what not -----------------------------------------------------------

$node->safe_psql('app', "SELECT swipesavvy.add_token_key('test-key', '$quoted', overlap => '1 hour')");
my @cases;
sub with     { my %changed = @_; my %all = (%claims, %changed); delete $all{$_} for grep { !defined $all{$_} } keys %all; return $json->encode(\%all) }
sub header   { my %changed = @_; my %all = (%header, %changed); delete $all{$_} for grep { !defined $all{$_} } keys %all; return $json->encode(\%all) }
sub expect   { my ($reason, $what, $token) = @_; push @cases, [ $reason, $what, $token ]; return }
my $good = token(header(), with(), $secret);
my ($gh, $gp, $gs) = split /\./, $good;

expect('', 'ours',                          $in->{access_token});
expect('', 'made here',                     $good);
expect('', 'an audience among others',      token(header(), with(aud => [ 'x', 'swipesavvy' ]), $secret));
expect('', 'with claims of others',         token(header(), with(name => "J\x{f6}rg", nested => { sub => $bob, list => [ 1, { aud => 'x' } ] }), $secret));
expect('', 'without what may be left out',  token(header(typ => undef), with(nbf => undef, iat => undef, jti => undef), $secret));
expect('', 'an nbf within the clock skew',  token(header(), with(nbf => $now + 15), $secret));
expect('', 'in capitals',                   token(header(), with(sub => uc $ada), $secret));

expect('algorithm', "alg $_",               token(header(alg => $_), with(), $secret)) for qw(none None NONE hs256 HS384 HS512 RS256 ES256), '';
expect('algorithm', 'alg none, unsigned',   to_url(header(alg => 'none')) . ".$gp.");
expect('algorithm', 'no alg',               token(header(alg => undef), with(), $secret));
expect('algorithm', 'alg is a list',        token(header(alg => ['HS256']), with(), $secret));
expect('unknown_key', 'no kid',             token(header(kid => undef), with(), $secret));
expect('unknown_key', "kid '$_'",           token(header(kid => $_), with(), $secret)) for 'other', '', "test-key' OR '1'='1", 'x' x 1000, '../../dev/null';
expect('unknown_key', 'kid is a number',    token(header(kid => 7), with(), $secret));
expect('signature', 'another key',          token(header(), with(), 'y' x 40));
expect('signature', 'an empty key',         token(header(), with(), ''));
expect('signature', 'the key of another kid', token(header(kid => $kid), with(), $secret));
expect('signature', 'SHA-512',              "$gh.$gp." . to_url(hmac_sha512("$gh.$gp", $secret)));
expect('signature', 'half a signature',     "$gh.$gp." . to_url(substr(hmac_sha256("$gh.$gp", $secret), 0, 16)));
expect('signature', 'none',                 "$gh.$gp.");
expect('signature', 'another payload',      "$gh." . to_url(with(sub => $bob)) . ".$gs");
expect('signature', 'another header',       to_url(header(x => 1)) . ".$gp.$gs");
my $flipped = from_url($gs);
substr($flipped, 31, 1) = chr(ord(substr($flipped, 31, 1)) ^ 1);
expect('signature', 'one bit',              "$gh.$gp." . to_url($flipped));
expect('expired', 'expired',                token(header(), with(exp => $now - 1), $secret));
expect('expired', 'expired long ago',       token(header(), with(exp => 0), $secret));
expect('not_yet_valid', 'nbf in a minute',  token(header(), with(nbf => $now + 90), $secret));
expect('audience', 'for others',            token(header(), with(aud => $_), $secret)) for 'other', [ 'a', 'b' ], [], { swipesavvy => 1 }, 'swipesavvy ';
expect('audience', 'for nobody',            token(header(), with(aud => undef), $secret));
expect('claims', "no $_",                   token(header(), with($_ => undef), $secret)) for qw(sub role exp);
expect('claims', 'sub',                     token(header(), with(sub => $_), $secret)) for 7, '', 'x', "{$ada}", "$ada ", [$ada], JSON::PP::null;
expect('claims', 'role',                    token(header(), with(role => $_), $secret)) for 'customer', 'swipesavvy_owner', 'postgres', 7, '', 'swipesavvy_';
expect('claims', "exp",                     token(header(), with(exp => $_), $secret)) for '1', [], JSON::PP::true, JSON::PP::null, {}, '', "$now.5";
# times are NumericDates: numbers of any form that JSON has, rounded so that the token is good for no longer than it says
sub dated    { my ($times) = @_; return token(header(), qq({"sub":"$ada","role":"swipesavvy_customer","aud":"swipesavvy",$times}), $secret) }
expect('claims', "$_ beyond the calendar",  dated(qq($_))) for map { my $of = $_; map { $of eq 'exp' ? qq("exp":$_) : qq("exp":@{[ $now + 600 ]},"$of":$_) }
      qw(99999999999999999999 1e300 1e999999 -1e300 253402300800 -62135596801) } qw(exp nbf iat);
expect('claims', "$_ is a text",            dated(qq("exp":@{[ $now + 600 ]},"$_":"$now"))) for qw(nbf iat);
expect('',        "exp as $_",              dated(qq("exp":$_))) for $now + 600 . '.402', $now + 600 . '.0', ($now + 600) / 1000 . 'e3', ($now + 600) * 10 . 'E-1', '253402300799', '2.5e10';
expect('',        "nbf and iat as $_",      dated(qq("exp":@{[ $now + 600 ]},"nbf":$_,"iat":$_))) for "$now.999", '0', '-1', '1.7e9', '-0.0', '0e0';
expect('expired', "exp as $_",              dated(qq("exp":$_))) for $now - 600 . '.9', '-1', '1.5', '-0', '1e-300', '-62135596800';
expect('not_yet_valid', "nbf as $_",        dated(qq("exp":@{[ $now + 600 ]},"nbf":$_))) for $now + 90 . '.1', '2.5e10';
expect('claims', 'sid',                     token(header(), with(sid => $_), $secret)) for 7, 'x';
expect('claims', 'a claim twice',           token(header(), substr(with(), 0, -1) . qq(,"sub":"$bob"}), $secret));
expect('claims', 'a claim twice, escaped',  token(header(), substr(with(), 0, -1) . qq(,"su\\u0062":"$bob"}), $secret));
expect('claims', "no object: $_",           token(header(), $_, $secret)) for '[]', 'null', '"x"', '7', '', '{', '{}x', with() . with(), "\xff", "{\"sub\": \"\xc3\x28\"}", "{\"a\": \"\\u0000\"}", "{\"a\": \"\\ud800\"}", "\0";
expect('claims', 'deeply nested',           token(header(), '[' x 2000, $secret));
expect('claims', 'a hundred claims',        token(header(), $json->encode({ %claims, map { ("c$_" => 1) } 1 .. 100 }), $secret));
expect('malformed', 'kid twice',            token(qq({"alg":"HS256","kid":"test-key","kid":"$kid"}), with(), $secret));
expect('malformed', 'alg twice',            token(qq({"alg":"none","alg":"HS256","kid":"test-key"}), with(), $secret));
expect('malformed', 'critical extensions',  token(header(crit => ['exp']), with(), $secret));
expect('malformed', "header $_",            token($_, with(), $secret)) for '', '{', '[]', "\xff", '{"alg": "HS256"';
expect('malformed', 'padding',              "$_") for "$good=", "$good==", "$gh=.$gp.$gs", "$gh.$gp=.$gs";
expect('malformed', 'garbage',              $_) for '', '.', '..', '...', 'x', "$gh.$gp", "$good.", "$good.x", ".$good", " $good", "$good ", "$good\n", "$gh .$gp.$gs",
  "$gh.$gp." . ('+' x 43), "$gh.$gp.*", 'é.é.é', "Bearer $good";
# the last character of a signature has two bits that mean nothing: they must be zero
(my $loose = $gs) =~ s/(.)\z/chr(ord($1) + 1)/e;
expect('malformed', 'a second spelling of the same signature', "$gh.$gp.$loose") if from_url($loose) eq from_url($gs);
expect('malformed', 'too long',             token(header(), with(x => 'x' x 4000), $secret));
expect('malformed', 'very long',            'x.' x 500_000);
expect('revoked', 'a user who is none',     token(header(), with(sub => '00000000-0000-7000-8000-0000000000ff'), $secret));
expect('revoked', 'a session that is none', token(header(), with(sid => '00000000-0000-7000-8000-0000000000ff'), $secret));

# All in one COPY; each must be told apart by its reason, and authenticate() must refuse it with PT401 and nothing else.
$node->safe_psql('app', 'CREATE TABLE cases (n int, token text)');
my $copy = join '', map { my $t = $cases[$_][2]; $t =~ s/\\/\\\\/g; $t =~ s/\n/\\n/g; "$_\t$t\n" } 0 .. $#cases;
$node->safe_psql('app', "COPY cases FROM STDIN;\n$copy\\.\n");
$node->safe_psql('app', q{
    CREATE FUNCTION outcome(jwt text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        RETURN 'ok ' || (swipesavvy.authenticate(jwt) ->> 'user_id');
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE;
    END $$});
my %seen = map { my ($n, $reason, $outcome) = split /\|/; $n => [ $reason, $outcome ] } split /\n/,
  $node->safe_psql('app', q{SELECT n, coalesce(swipesavvy.verify_token(token) ->> 'reason', ''), outcome(token) FROM cases ORDER BY n});
for my $n (0 .. $#cases)
{
    my ($reason, $what) = @{ $cases[$n] };
    is_deeply($seen{$n}, [ $reason, $reason eq '' ? "ok $ada" : 'PT401' ], ($reason || 'valid') . ": $what") or diag $cases[$n][2];
}
cmp_ok(scalar(grep { $_->[0] eq '' } @cases), '<', 25, 'few of them are valid');

# --- keys change ----------------------------------------------------------------------------------

$node->safe_psql('app', "SELECT swipesavvy.rotate_token_key('10 minutes', force => true)");
my $valid = sub { json($node, 'app', "SELECT swipesavvy.verify_token('$_[0]')")->{reason} // 'valid' };
my $next = sign_in('ada', 'correct horse')->{access_token};
isnt($json->decode(from_url((split /\./, $next)[0]))->{kid}, 'test-key', 'after the rotation the new key signs');
is($valid->($good), 'valid', 'a token of the old one stays good');
is($valid->($next), 'valid', 'as one of the new one is');
$node->safe_psql('app', q{UPDATE swipesavvy_private.token_keys SET retires_at = retires_at - interval '10 minutes' WHERE retires_at IS NOT NULL});
is($valid->($good), 'unknown_key', 'and after the overlap it is not');
is($valid->($next), 'valid', 'but that of the new one is');
$node->safe_psql('app', q{SELECT swipesavvy.rotate_token_key(overlap => '0')});
is($valid->($next), 'unknown_key', 'with no overlap all are refused at once');

# A dump without keys: the restored server makes one, refresh tokens are good, access tokens are not.
{
    my $token = sign_in('bob', 'correct horse');
    my $dir = PostgreSQL::Test::Utils::tempdir();
    $node->command_ok([ 'pg_dump', '-f', "$dir/app.sql", '--exclude-table-data=swipesavvy_private.token_keys', $node->connstr('app') ], 'a dump without keys');
    my $with = $node->safe_psql('app', "SELECT encode(secret, 'hex') FROM swipesavvy_private.token_keys WHERE retires_at IS NULL");
    unlike(slurp_file("$dir/app.sql"), qr/$with/, 'holds no key');
    $node->safe_psql('postgres', 'CREATE DATABASE restored');
    $node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', "$dir/app.sql" ], 'and is restored');
    is(json($node, 'restored', "SELECT swipesavvy.verify_token('$token->{access_token}')")->{reason}, 'unknown_key', 'there no token is known');
    my $refreshed = json($node, 'restored', "SELECT swipesavvy.refresh_session('$token->{refresh_token}')");
    is(json($node, 'restored', "SELECT swipesavvy.verify_token('$refreshed->{access_token}')")->{user_id}, $bob, 'but a session can be refreshed');
    $node->safe_psql('postgres', 'DROP DATABASE restored');
}

# --- the same work whatever the answer -------------------------------------------------------------

# One Argon2id each is what takes the time; the server says at DEBUG1 when it has computed one.
sub hashes
{
    my ($sql) = @_;
    my ($status, $out, $err) = $node->psql('app', "SET client_min_messages = debug1;\n$sql");
    return scalar(() = $err =~ /one Argon2id computed/g) . ' ' . ($out =~ /invalid_credentials/ ? 'refused' : 'in');
}
$node->safe_psql('app', "SELECT swipesavvy.create_user('$_\@example.com', '$_', " . ($_ eq 'without' ? 'NULL' : "'correct horse'") . ')') for 'without', 'suspended', 'locked';
$node->safe_psql('app', "SELECT swipesavvy.suspend_user(user_id) FROM swipesavvy.users WHERE email LIKE 'suspended%'");
$node->safe_psql('app', "SELECT swipesavvy.sign_in('locked\@example.com', 'wrong') FROM generate_series(1, 5)");
is(hashes("SELECT swipesavvy.sign_in('$_->[0]\@example.com', '$_->[1]')"), $_->[2], "one Argon2id: $_->[0], $_->[1]")
  for [ 'ada', 'correct horse', '1 in' ], [ 'ada', 'wrong', '1 refused' ], [ 'nobody', 'wrong', '1 refused' ], [ 'without', 'wrong', '1 refused' ],
  [ 'suspended', 'correct horse', '1 refused' ], [ 'locked', 'correct horse', '1 refused' ], [ 'ada', '', '1 refused' ];
is($node->safe_psql('app', q{SELECT string_agg(DISTINCT status || ' ' || event_type, ', ' ORDER BY status || ' ' || event_type) FROM swipesavvy.audit_logs WHERE resource IN ('session', 'token_key')}),
    'ok session.sign_in, ok token_key.add, ok token_key.rotate, refused session.lock_out, refused session.sign_in', 'the audit log has them');
$node->safe_psql('app', 'DELETE FROM swipesavvy_private.sign_in_failures');

# --- secrets ------------------------------------------------------------------------------------------

# Passwords and tokens as parameters of the extended protocol, right, wrong and malformed, in calls that succeed and that fail.
$node->safe_psql('app', q{CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted error'; END $$});
my $refresh = sign_in('ada', 'correct horse')->{refresh_token};
my %planted = (
    right     => 'PLANTED-right-0123', wrong => 'PLANTED-wrong-0123', short => 'PLANT-s', long => 'PLANTED-long-' . ('x' x 1000), new => 'PLANTED-new-0123',
    malformed => 'PLANTED.malformed.token', refresh => $refresh, halfway => substr($refresh, 0, 100), key => 'PLANTED-key-' . ('k' x 32), shortkey => 'PLANTED-shortkey',
    sink => 'PLANTED-sink-0123', other => 'PLANTED-other-0123', url => 'PLANTED-url-0123');
my $plant = sub {
    my ($sql, %vars) = @_;
    my $file = PostgreSQL::Test::Utils::tempdir() . '/plant.sql';
    append_to_file($file, $sql);
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'pgbench', '-n', '-M', 'extended', '-t', 1, (map { ('-D', "$_=$vars{$_}") } keys %vars), '-f', $file, $node->connstr('app') ], '>', \$out, '2>', \$err);
    return $err;
};
my @plants = (
    [ "SELECT swipesavvy.create_user('planted\@example.com', 'P', password => :p);", p => $planted{right} ],
    [ "SELECT swipesavvy.create_user('x\@example.com', 'P', password => :p);", p => $planted{short} ],
    [ "SELECT swipesavvy.create_user('x\@example.com', 'P', password => :p);", p => $planted{long} ],
    [ "SELECT swipesavvy.sign_in('planted\@example.com', :p);", p => $planted{right} ],
    [ "SELECT swipesavvy.sign_in('planted\@example.com', :p);", p => $planted{wrong} ],
    [ "SELECT swipesavvy.sign_in('planted\@example.com', :p);", p => $planted{long} ],
    [ "BEGIN READ ONLY;\nSELECT swipesavvy.sign_in('planted\@example.com', :p);\nCOMMIT;", p => $planted{right} ],
    [ "SELECT swipesavvy.sign_in('planted\@example.com', :p) / 0;", p => $planted{right} ],
    [ "SELECT 1 / length(swipesavvy.sign_in('planted\@example.com', :p) ->> 'no');", p => $planted{right} ],
    [ "SELECT swipesavvy.verify_token(:p);",    p => $planted{malformed} ],
    [ "SELECT swipesavvy.authenticate(:p);",    p => $planted{malformed} ],
    [ "SELECT swipesavvy.refresh_session(:p);", p => $planted{malformed} ],
    [ "SELECT swipesavvy.refresh_session(:p);", p => $planted{halfway} ],
    [ "SELECT swipesavvy.refresh_session(:p);", p => $planted{refresh} ],
    [ "SELECT swipesavvy.refresh_session(:p);", p => $planted{refresh} ],
    [ "SELECT swipesavvy.sign_out(:p);",        p => $planted{refresh} ],
    [ "SELECT swipesavvy.change_password(:p, :n);", p => $planted{right}, n => $planted{new} ],
    [ "SELECT swipesavvy.add_token_key('planted', :p);", p => $planted{key} ],
    [ "SELECT swipesavvy.add_token_key('planted', :p);", p => $planted{key} ],
    [ "SELECT swipesavvy.add_token_key('planted2', :p);", p => $planted{shortkey} ],
    [ "SELECT swipesavvy.add_token_key('planted2', :p, is_base64 => true);", p => $planted{key} ],
    [ "SELECT swipesavvy.set_sink_secret('planted', :p);", p => $planted{sink} ],
    [ "SELECT swipesavvy.set_sink_secret('planted', :p);", p => $planted{other} ],
    [ "SELECT swipesavvy.set_sink_secret('planted', :p);", p => $planted{sink} ],
    [ "SELECT swipesavvy.set_sink_secret('Planted', :p);", p => $planted{sink} ],
    [ "SELECT swipesavvy.set_sink_secret('planted', :p || repeat('x', 5000));", p => $planted{sink} ],
    [ "SELECT swipesavvy.set_sink_secret('planted', :p) / 0;", p => $planted{sink} ],
    [ "SELECT swipesavvy.create_sink('hook', 'webhook', 'https://planted.example.com/', 'planted', enabled => false);" ],
    [ "SELECT swipesavvy.create_sink('cloud', 'cloudwatch', secret => 'planted', options => '{\"region\": \"eu-west-1\"}');" ],
    [ "SELECT swipesavvy.create_sink('dog', 'datadog', secret => 'planted', enabled => false);" ],
    [ "SELECT swipesavvy.set_sink_secret('planted', :p || E'\\n');", p => $planted{sink} ],
    [ "SELECT swipesavvy.create_sink('bad', 'webhook', :p, 'planted');", p => "https://me:$planted{url}\@planted.example.com/" ],
    [ "SELECT 1 / length(swipesavvy.preview_sink('hook') ->> 'no'), swipesavvy.test_sink('hook'), swipesavvy.list_sinks(), swipesavvy.list_sink_secrets();" ],
);
my $said = join '', map { $plant->(@$_) } @plants;
cmp_ok(scalar(() = $said =~ /ERROR/g), '>=', 9, 'many of these calls fail');
# in the middle of a call, and waiting: what others see of it
my $busy = $node->background_psql('app', on_error_stop => 0);
$busy->query_safe("BEGIN; SELECT swipesavvy.sign_in('planted\@example.com', 'something') IS NOT NULL");
my ($waiting_out, $waiting_err) = ('', '');
my $file = PostgreSQL::Test::Utils::tempdir() . '/wait.sql';
append_to_file($file, "SELECT swipesavvy.sign_in('planted\@example.com', :p);");
my $waiting = IPC::Run::start([ 'pgbench', '-n', '-M', 'extended', '-t', 1, '-D', "p=$planted{right}", '-f', $file, $node->connstr('app') ], '>', \$waiting_out, '2>', \$waiting_err);
ok($node->poll_query_until('app', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%sign_in%'}), 'a sign-in waits for another of the same address');
my $activity = $node->safe_psql('app', 'SELECT string_agg(a::text, E\'\n\') FROM pg_stat_activity a');
like($activity, qr/sign_in/, 'others see that it is called');
$busy->query_safe('COMMIT');
$busy->quit;
$waiting->finish;
my %where = (
    'the server\'s log'  => slurp_file($node->logfile),
    'what clients are told' => $said,
    'pg_stat_activity'   => $activity,
    pg_stat_statements   => $node->safe_psql('app', 'SELECT string_agg(s::text, E\'\n\') FROM pg_stat_statements s'),
    'the tables'         => join("\n", map { $node->safe_psql('app', "SELECT string_agg(t::text, E'\n') FROM ONLY $_ t") } grep { !/token_keys|sink_secrets/ } SwipeSavvy::members($node, 'app')),
);
like($where{pg_stat_statements}, qr/sign_in/, 'pg_stat_statements has looked');
like($where{'the server\'s log'}, qr/argument "password"/, 'the log has errors');
# psql's own statements above have literals, so only what came as a parameter is looked for; tokens in whole and by their secret part
for my $place (sort keys %where)
{
    my @found = grep { my $part = length $planted{$_} > 60 ? substr($planted{$_}, 60, 38) : $planted{$_}; index($where{$place}, $part) >= 0 }
      grep { $_ ne 'refresh' || $place ne 'x' } keys %planted;
    is("@found", '', "nothing planted turns up in $place");
}
# Anybody can have plans printed, and values stand in them as bytes
my $cyd = json($node, 'app', "SELECT swipesavvy.create_user('cyd\@example.com', 'Cyd')")->{user_id};
my (undef, undef, $printed) = $node->psql('app', "SET ROLE swipesavvy_support; SET debug_print_plan = on; SET client_min_messages = log; SELECT swipesavvy.reset_user_password('$cyd')");
my $temporary = $node->safe_psql('app', q{SELECT secret ->> 'temporary_password' FROM swipesavvy.outbox JOIN swipesavvy_private.outbox_secrets USING (message_id) WHERE event = 'user.password_reset' ORDER BY message_id DESC LIMIT 1});
my $in_order = sub { my @bytes = map { ord } split //, $_[0]; return qr/\b@{[ join '\s+', @bytes ]}\b/ };
like($printed, qr/LOG: +plan:/, 'support has plans printed');
like($temporary, qr/^[2-9a-km-z]{20}\z/, 'while it resets a password');
unlike($printed, $in_order->($temporary), 'which is not in them');
unlike($printed, $in_order->('argon2id'), 'nor is its hash');
is($node->safe_psql('app', "SELECT count(*) FROM swipesavvy_private.token_keys WHERE secret = '$planted{key}'"), 1, 'the key has arrived all the same');
is($node->safe_psql('app', "SELECT count(*) FROM swipesavvy_private.sink_secrets WHERE value = '$planted{sink}'"), 1, 'and so has the secret of sinks');
is($node->safe_psql('app', 'SELECT count(*) FROM swipesavvy.sinks'), 2, 'which two of them use');
my $shown = $node->safe_psql('app', q{SELECT swipesavvy.list_sinks(), swipesavvy.list_sink_secrets(), swipesavvy.preview_sink('hook'), swipesavvy.test_sink('hook')});
like($shown, qr/"planted"/, 'it is shown by name');
unlike($shown, qr/PLANTED/, 'and by nothing else');
(undef, undef, $printed) = $node->psql('app', "SET debug_print_plan = on; SET client_min_messages = log; SELECT swipesavvy.preview_sink('hook'), swipesavvy.update_sink('hook', '{\"max_in_flight\": 2}')");
unlike($printed, $in_order->($planted{sink}), 'nor in a plan that is printed');
is(json($node, 'app', "SELECT swipesavvy.sign_in('planted\@example.com', '$planted{right}')")->{role}, 'customer', 'and so has the password');
$node->safe_psql('app', "SELECT swipesavvy.rotate_token_key(force => true)");

# --- many at once --------------------------------------------------------------------------------------

# 64 sessions that sign 64 users in, over and over: the memory of the whole server, shared pages counted once.
SKIP: {
    skip 'no /proc/…/smaps_rollup here', 3 unless -e '/proc/self/smaps_rollup';
    $node->safe_psql('app', q{
        INSERT INTO swipesavvy.users (email, name) SELECT 'many' || n || '@example.com', n FROM generate_series(0, 63) n;
        INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT user_id, 'bronze', 'USD' FROM swipesavvy.users WHERE email LIKE 'many%';
        INSERT INTO swipesavvy_private.user_credentials (user_id, password_hash)
        SELECT m.user_id, c.password_hash FROM swipesavvy.users m, swipesavvy.users b JOIN swipesavvy_private.user_credentials c USING (user_id)
         WHERE m.email LIKE 'many%' AND b.email = 'bob@example.com'});
    my $script = PostgreSQL::Test::Utils::tempdir() . '/many.sql';
    append_to_file($script, "SELECT 1 / (swipesavvy.sign_in('many' || :client_id || '\@example.com', :p) ->> 'expires_in')::int;\n");
    my $postmaster = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
    my $pss = sub {
        my ($sum, $hashing) = (0, 0);
        for my $status (glob '/proc/[0-9]*/status')
        {
            my $text = eval { slurp_file($status) } // next;
            next unless $text =~ /^PPid:\s+$postmaster$/m || $status eq "/proc/$postmaster/status";
            (my $rollup = $status) =~ s/status\z/smaps_rollup/;
            my $pages = eval { slurp_file($rollup) } // next;
            my ($kb) = $pages =~ /^Pss:\s+(\d+)/m or next;
            $sum += $kb;
        }
        return $sum / 1024;
    };
    my $idle = $pss->();
    my ($out, $err, $peak, $samples) = ('', '', 0, 0);
    my $many = IPC::Run::start([ 'pgbench', '-n', '-M', 'extended', '-c', 64, '-j', 2, '-t', 6, '-D', 'p=correct horse', '-f', $script, $node->connstr('app') ],
        '>', \$out, '2>', \$err);
    while ($many->pumpable)
    {
        my $now_used = $pss->();
        $peak = $now_used if $now_used > $peak;
        $samples++;
        $many->pump_nb;
        usleep(20_000);
    }
    $many->finish;
    like($out, qr{transactions actually processed: 384/384}, '64 at once, six times: nobody is refused and nothing fails') or diag $err;
    cmp_ok($samples, '>=', 5, 'their memory was looked at often enough');
    note sprintf('memory of the server: %d MB idle, %d MB at most with 64 sign-ins at once (%d samples)', $idle, $peak, $samples);
    note(grep { /latency average|tps/ } split /^/, $out);
    cmp_ok($peak, '<', 1500, 'and stays within 1.5 GB');
    # 64 without a limit would take 1,216 MB for the hashes alone
    cmp_ok($peak - $idle, '<', 64 * 19, 'they do not hash all at once');
}

# Whoever waits to hash can be cancelled; a cancelled one gives back its place.
{
    my ($status, $out, $err) = $node->psql('app', "SET statement_timeout = '15ms'; SELECT count(*) FROM generate_series(1, 50), LATERAL swipesavvy.sign_in('nobody\@example.com', 'x')");
    like($err, qr/statement timeout/, 'a cancelled sign-in ends');
    is($node->safe_psql('app', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'and nothing stays locked');
}

# --- settings of the programme, and races ----------------------------------------------------------------

$node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": true}'); CREATE ROLE visitor LOGIN IN ROLE swipesavvy_anon});
{
    my ($status, $out, $err) = $node->psql('app', "SELECT swipesavvy.sign_in('ada\@example.com', 'correct horse') ->> 'role'; SELECT swipesavvy.list_merchants()", extra_params => [ '-U', 'visitor' ]);
    is($out, 'customer', 'under maintenance people sign in: admins who end it are among them');
    like($err, qr/under maintenance/, 'and nothing else');
}
$node->safe_psql('app', q{SELECT swipesavvy.update_system_settings('{"maintenance_mode": false}')});
is($node->safe_psql('app', "BEGIN READ ONLY; SET LOCAL request.method = 'GET'; SELECT swipesavvy.verify_token('x') IS NULL; SHOW response.headers"),
    qq{f\n[{"Cache-Control": "no-store"}, {"Vary": "Authorization"}]}, 'what is said of a token is in no cache');

# --- PgBouncer ---------------------------------------------------------------------------------------------

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
SKIP: {
    if (!defined $pgbouncer) { note 'skipped: no pgbouncer'; skip 'no pgbouncer', 6 }
    my $dir  = PostgreSQL::Test::Utils::tempdir_short();
    my $port = PostgreSQL::Test::Cluster::get_free_port();
    append_to_file("$dir/users.txt", qq{"swift" ""\n});
    append_to_file("$dir/pgbouncer.ini", "[databases]\napp = host=" . $node->host . ' port=' . $node->port . " dbname=app\n[pgbouncer]\nlisten_addr =\nlisten_port = $port\n"
          . "unix_socket_dir = $dir\nauth_type = trust\nauth_file = $dir/users.txt\npool_mode = transaction\ndefault_pool_size = 1\nlogfile = $dir/log\npidfile = $dir/pid\n");
    $node->safe_psql('app', 'CREATE ROLE swift LOGIN IN ROLE swipesavvy_customer');
    my $daemon = IPC::Run::start([ $pgbouncer, "$dir/pgbouncer.ini" ], '>', '/dev/null', '2>', "$dir/err");
    my $connstr = "host=$dir port=$port dbname=app user=swift";
    my $up = 0;
    for (1 .. 200) { last if $up = -S "$dir/.s.PGSQL.$port"; usleep(50_000) }
    ok($up, 'PgBouncer runs in transaction mode with one connection to the server');
    my ($a_token, $b_token) = map { sign_in($_, 'correct horse')->{access_token} } 'ada', 'bob';
    my $one = sub { my ($sql) = @_; my ($o, $e) = ('', ''); IPC::Run::run([ 'psql', '-qXAt', '-d', $connstr, '-f', '-' ], '<', \$sql, '>', \$o, '2>', \$e); $o =~ s/\n\z//; return "$o$e" };
    is($one->("BEGIN; SELECT swipesavvy.authenticate('$a_token') ->> 'user_id'; SELECT swipesavvy.current_user_id(); COMMIT;"), "$ada\n$ada", 'authenticate holds for the transaction');
    is($one->('SELECT swipesavvy.current_user_id() IS NULL'), 't', 'the next client on the same connection is nobody');
    is($one->("BEGIN; SELECT swipesavvy.authenticate('$a_token') ->> 'user_id'; ROLLBACK; SELECT swipesavvy.current_user_id() IS NULL"), "$ada\nt", 'nor after a rollback');
    is($one->("BEGIN; SELECT swipesavvy.authenticate('$b_token') ->> 'user_id'; SELECT swipesavvy.get_user_profile('$bob') ->> 'name'; COMMIT"), "$bob\nbob", 'another client is another user');
    # two clients in turn, many times, on that one connection
    my $mixed = PostgreSQL::Test::Utils::tempdir() . '/mixed.sql';
    append_to_file($mixed, "BEGIN;\nSELECT 1 / (swipesavvy.current_user_id() IS NULL)::int;\n"
          . "SELECT 1 / (swipesavvy.authenticate(CASE :client_id % 2 WHEN 0 THEN '$a_token' ELSE '$b_token' END) IS NOT NULL)::int;\n"
          . "SELECT 1 / (swipesavvy.current_user_id() = CASE :client_id % 2 WHEN 0 THEN '$ada'::uuid ELSE '$bob' END)::int;\nCOMMIT;\n");
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'pgbench', '-n', '-c', 8, '-t', 100, '-f', $mixed, $connstr ], '>', \$out, '2>', \$err);
    like($out, qr{actually processed: 800/800}, 'eight clients take turns, and nobody is ever somebody else') or diag $err;
    $daemon->signal('TERM');
    $daemon->finish;
}

done_testing();
