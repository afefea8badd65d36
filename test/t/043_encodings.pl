# Addresses, passwords, searches and names in databases of other encodings and locales: keys are the same, whatever these are.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node json);
use Test::More;

my $node = new_node('encodings');

# Text as SQL that every encoding reads: code points, put together by the server.
sub text { return q{convert_from('\\x} . unpack('H*', do { my $t = $_[0]; utf8::encode($t); $t }) . q{', 'UTF8')} }

my %word = (
    latin1 => { address => "m\x{fc}ller", other => "M\x{dc}LLER", password => "Pr\x{fc}fung 2026", name => "C\x{e9}line M\x{fc}ller", search => 'celine', shown => "C\x{e9}line M." },
    eucjp  => { address => "\x{5c71}\x{7530}", other => "\x{5c71}\x{7530}", password => "\x{5c71}\x{7530}\x{592a}\x{90ce}\x{3000}1234", name => "\x{5c71}\x{7530}\x{3000}\x{592a}\x{90ce}", search => "\x{7530}", shown => "\x{5c71}. \x{592a}." },
    koi8   => { address => "\x{432}\x{430}\x{43d}\x{44f}", other => "\x{412}\x{410}\x{41d}\x{42f}", password => "\x{43f}\x{430}\x{440}\x{43e}\x{43b}\x{44c} 2026", name => "\x{418}\x{432}\x{430}\x{43d} \x{41f}\x{435}\x{442}\x{440}\x{43e}\x{432}", search => "\x{438}\x{432}\x{430}\x{43d}", shown => "\x{418}\x{432}\x{430}\x{43d} \x{41f}." },
    plain  => { address => "M\x{dc}LLER", other => "mu\x{308}ller", password => "Pru\x{308}fung 2026", name => "Ce\x{301}line M\x{fc}ller", search => "C\x{c9}LINE", shown => "C\x{e9}line M." },
);
for ([ latin1 => 'LATIN1', 'C' ], [ eucjp => 'EUC_JP', 'C' ], [ koi8 => 'KOI8R', 'C' ], [ plain => 'UTF8', 'C' ], [ bytes => 'SQL_ASCII', 'C' ])
{
    my ($db, $encoding, $locale) = @$_;
    my $w = $word{$db} // $word{plain};
    $node->safe_psql('postgres', "CREATE DATABASE $db TEMPLATE template0 ENCODING '$encoding' LC_COLLATE '$locale' LC_CTYPE '$locale'");
    $node->safe_psql($db, 'CREATE EXTENSION swipesavvy CASCADE');
    # in SQL_ASCII a text is whatever bytes it has
    my $t = sub { my $sql = text($_[0]); $sql =~ s/convert_from\((.*), 'UTF8'\)/convert_from($1, 'SQL_ASCII')/ if $db eq 'bytes'; return $sql };
    my $id = '00000000-0000-7000-8000-00000000000a';
    $node->safe_psql($db, "SELECT swipesavvy.create_user(@{[ $t->($w->{address}) ]} || '\@x.io', @{[ $t->($w->{name}) ]}, @{[ $t->($w->{password}) ]}, user_id => '$id')");
    is($node->safe_psql($db, "SELECT swipesavvy.sign_in(' ' || @{[ $t->($w->{other}) ]} || '\@X.IO', @{[ $t->($w->{password}) ]}) ->> 'role'"), 'customer', "$encoding: in, by another case of the address");
    my ($status, $out, $err) = $node->psql($db, "SELECT swipesavvy.create_user(@{[ $t->($w->{other}) ]} || '\@x.io', 'Two')");
    like($err, qr/a user with this email exists already/, "$encoding: which is taken");
    is($node->safe_psql($db, "SELECT swipesavvy.list_users(search => @{[ $t->($w->{search}) ]}) ->> 'total'"), 1, "$encoding: found");
    $node->safe_psql($db, "SELECT swipesavvy.record_transaction('$id', 5); SELECT swipesavvy.refresh_leaderboards()");
    is($node->safe_psql($db, "SELECT swipesavvy.get_leaderboard('all_time') #>> '{leaders,0,name}' = @{[ $t->($w->{shown}) ]}"), 't', "$encoding: first name and initial");
    is($node->safe_psql($db, 'SELECT octet_length(swipesavvy.email_key(email)) FROM swipesavvy.users'), length(do { my $k = Unicode_key($w->{address}); utf8::encode($k); $k }) + 5, "$encoding: the key is UTF-8");
}
sub Unicode_key { require Unicode::Normalize; return Unicode::Normalize::NFC(CORE::fc($_[0])) }

# what no encoding can say: bytes that are no UTF-8 in SQL_ASCII are kept and compared as they are
is($node->safe_psql('bytes', q{SELECT swipesavvy.email_key(convert_from('\xff41', 'SQL_ASCII')) = '\xff61', swipesavvy.search_key(convert_from('\xfe42', 'SQL_ASCII')) = convert_from('\xfe62', 'SQL_ASCII')}), 't|t', 'bytes that are no text');
# and what the database's own cannot write is left out of a search key, never an error
is($node->safe_psql('latin1', q{SELECT swipesavvy.search_key('µ' || chr(255))}) ne '', 1, 'a letter whose folded form the encoding lacks');

# The same keys under a locale with rules of its own, where there is one.
my ($turkish) = grep { /^tr_TR\.(utf8|UTF-8)$/i } split /\n/, `locale -a`;
SKIP: {
    skip 'no Turkish locale here', 2 unless $turkish;
    $node->safe_psql('postgres', "CREATE DATABASE turkish TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE '$turkish' LC_CTYPE '$turkish'");
    $node->safe_psql('turkish', 'CREATE EXTENSION swipesavvy CASCADE');
    is($node->safe_psql('turkish', "SELECT swipesavvy.email_key('INFO\@X.IO') = 'info\@x.io'::bytea"), 't', 'I is i in an address');
    is($node->safe_psql('turkish', "SELECT swipesavvy.search_key('ILGAZ')"), 'ilgaz', 'and in a search');
}

# All keys of all databases survive a change of hands: dump and restore into another encoding.
$node->command_ok([ 'pg_dump', '--encoding=UTF8', '-f', $node->data_dir . '/latin1.sql', $node->connstr('latin1') ], 'dump of LATIN1');
$node->safe_psql('postgres', 'CREATE DATABASE again TEMPLATE template0 ENCODING UTF8');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('again'), '-f', $node->data_dir . '/latin1.sql' ], 'into UTF8');
is($node->safe_psql('again', "SELECT swipesavvy.sign_in(@{[ text($word{plain}{other}) ]} || '\@x.io', @{[ text($word{plain}{password}) ]}) ->> 'role'"), 'customer', 'address and password are those of before');

done_testing();
