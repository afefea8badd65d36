# What README.md and doc/ say is so: every example runs and prints what is printed there, every function that a client
# may call is in doc/api.md with its true signature and callers, links lead somewhere, lists are whole, META.json fits.
use strict;
use warnings;

use JSON::PP qw(decode_json);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;

my $node = new_node('docs');
my @pages = ('README.md', sort glob 'doc/*.md');

# The blocks of SQL of a page, each with the block that shows its output, when one follows at once.
sub examples
{
    my ($text) = @_;
    my @examples;
    while ($text =~ /^```(\w+)\n(.*?)^```\n(?=(?:\n*^```(json|text)\n(.*?)^```$)?)/msg)
    {
        push @examples, { sql => $2, kind => $3, output => $4 } if $1 eq 'sql';
    }
    return @examples;
}

# Ids, instants and measurements differ from run to run; white space in JSON means nothing; an ellipsis stands for anything.
sub normal
{
    my ($text, $kind) = @_;
    $text =~ s/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/<id>/g;
    $text =~ s/\b\d{4}-\d\d-\d\dT[\d:.]+Z/<instant>/g;
    $text =~ s/"(bytes|builds|generation|last_build_ms)": ?[\d.]+/"$1": <measured>/g;
    $text =~ s/^LOCATION: .*\n//mg;
    $text =~ s/^psql:<stdin>:\d+: //mg;
    if ($kind eq 'json') { $text =~ s/\s+//g }
    else { $text =~ s/[ \t]+/ /g; $text =~ s/-+\+[-+]*|-{3,}/---/g; $text =~ s/\s+\z//; $text =~ s/^\s+|[ ]+$//mg }
    return $text;
}

sub fits
{
    my ($real, $shown) = @_;
    my $pattern = join '.*?', map { quotemeta } split /…/, $shown, -1;
    return $real =~ /\A$pattern\z/s;
}

# Runs all examples of a page in one session; returns what each printed, errors last.
sub run_page
{
    my ($db, @examples) = @_;
    my $script = "\\set VERBOSITY verbose\n";
    for my $i (0 .. $#examples)
    {
        $script .= "\\echo \@\@$i\n\\warn \@\@$i\n";
        $script .= ($examples[$i]{kind} // '') eq 'json'
          ? "\\pset format unaligned\n\\pset tuples_only on\n" : "\\pset format aligned\n\\pset tuples_only off\n";
        $script .= $examples[$i]{sql};
    }
    my ($out, $err) = ('', '');
    IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr($db), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
    my (@printed, %part);
    for my $stream ($out, $err)
    {
        my ($before, @parts) = split /^\@\@\d+\n/m, $stream, -1;
        $printed[$_] .= $parts[$_] // '' for 0 .. $#examples;
    }
    return @printed;
}

# The anchors of a page, as they are made of its headings.
sub anchors_of
{
    my ($page) = @_;
    my $text = slurp_file($page) =~ s/^```.*?^```\n//msgr;
    return map { lc(s/\[([^\]]*)\]\([^)]*\)/$1/gr =~ s/[^\w\- ]//gr) =~ tr/ /-/r } $text =~ /^#+ (.*)$/mg;
}

my $number = 0;
for my $page (@pages)
{
    my $text = slurp_file($page);
    my @examples = examples($text);
    if (@examples)
    {
        my $db = 'page' . ++$number;
        $text =~ /^CREATE EXTENSION swipesavvy/m ? $node->safe_psql('postgres', "CREATE DATABASE $db") : create_extension($node, $db);
        my @printed = run_page($db, @examples);
        for my $i (0 .. $#examples)
        {
            my $example = $examples[$i];
            my $printed = $printed[$i] // '';
            my ($first) = $example->{sql} =~ /([^\n]+)/;
            if (!defined $example->{kind})
            {
                unlike($printed, qr/^(?:psql:\S+ )?(?:ERROR|FATAL):/m, "$page: no error from $first") or diag $printed;
                next;
            }
            my @both = map { normal($_, $example->{kind}) } $printed, $example->{output};
            ok(fits(@both), "$page: what $first prints") or diag "printed:\n$printed\nshown:\n$example->{output}";
        }
    }
    for my $link ($text =~ /\]\(([^)#:]+)(?:#[^)]*)?\)/g)
    {
        my $path = $page =~ m{^doc/} ? "doc/$link" : $link;
        ok(-e $path, "$page: $link is there");
    }
    for ($text =~ /\]\(([^):\s]*#[^)\s]+)\)/g)
    {
        my ($link, $anchor) = split /#/, $_, 2;
        my $path = $link eq '' ? $page : $page =~ m{^doc/} ? "doc/$link" : $link;
        $path =~ s{^doc/\.\./}{};
        ok((grep { $_ eq $anchor } anchors_of($path)), "$page: $path has #$anchor") if $path =~ /\.md$/;
    }
}

# ---- doc/api.md against the catalogue ----

create_extension($node, 'api');
my $rows = $node->safe_psql('api', q{
    SELECT json_agg(json_build_object('name', p.proname, 'arguments', pg_get_function_arguments(p.oid),
               'result', CASE p.prokind WHEN 'p' THEN '' ELSE pg_get_function_result(p.oid) END,
               'callers', (SELECT string_agg(substr(r.rolname, 12), ', ' ORDER BY r.n)
                             FROM unnest(ARRAY['swipesavvy_anon', 'swipesavvy_customer', 'swipesavvy_support', 'swipesavvy_analytics',
                                               'swipesavvy_backend', 'swipesavvy_delivery', 'swipesavvy_admin']) WITH ORDINALITY r(rolname, n)
                            WHERE has_function_privilege(r.rolname, p.oid, 'EXECUTE'))))
      FROM (SELECT * FROM pg_proc ORDER BY pronargs) p WHERE p.pronamespace = 'swipesavvy'::regnamespace});
my %callable = map { $_->{name} => $_ } grep { defined $_->{callers} } @{ decode_json($rows) };
my $api = slurp_file('doc/api.md');
my %shown;
while ($api =~ /^### `(\w+)`\n\n((?:    .*\n)+)\nFor: (.*)\.$/mg)
{
    $shown{$1} = { signature => $2, callers => $3 };
}
is_deeply([ sort keys %shown ], [ sort keys %callable ], 'doc/api.md has every function that a client may call, and no other');
for my $name (sort keys %callable)
{
    my $f = $callable{$name};
    my $signature = "$name($f->{arguments})" . ($f->{result} eq '' ? '' : " -> $f->{result}");
    $signature =~ s/timestamp with time zone/timestamptz/g;
    $signature =~ s/::(?:double precision|[a-z]+(?:\[\])?)//g;
    $signature =~ s/\bIN //g;
    my $there = $shown{$name}{signature} // '';
    s/\s+//g for $there, my $wanted = $signature;
    is($there, $wanted, "doc/api.md: the signature of $name");
    (my $callers = $f->{callers}) =~ s/^anon, customer, support, analytics, backend, delivery, admin$/everybody/;
    is($shown{$name}{callers}, $callers, "doc/api.md: who may call $name");
}

# ---- settings of the server ----

my $operations = slurp_file('doc/operations.md');
my $settings = $node->safe_psql('api', "DO 'BEGIN PERFORM swipesavvy.uuid_v7(); END'; SELECT name FROM pg_settings WHERE name LIKE 'swipesavvy.%'");
like($operations, qr/^\| `\Q$_\E` \|/m, "doc/operations.md has the setting $_") for split /\n/, $settings;

# ---- lists that are to be whole ----

$node->safe_psql('api', "SELECT swipesavvy.create_user('whole\@example.com', 'Whole', user_id => '00000000-0000-7000-8000-0000000000aa')");
my ($export) = $api =~ /^### `export_user_data`\n(.*?)^### /ms;
ok($export =~ /`\Q$_\E`/, "doc/api.md: what a person is given has $_")
  for split /\n/, $node->safe_psql('api', "SELECT jsonb_object_keys(swipesavvy.export_user_data('00000000-0000-7000-8000-0000000000aa'))");

my %resource = map { $_ => 1 } map { slurp_file($_) =~ /\.resource = (?:\w+->\w+ \? )?"(\w+)"/g } glob 'src/*/*.c';
my ($events) = $api =~ /^\| resource \| event types \|\n(.*?)\n\n/ms;
cmp_ok(scalar keys %resource, '>', 30, 'resources that the audit log speaks of');
ok($events =~ /^\|[^|]*`\Q$_\E`[^|]*\|[^|]*`\Q$_\E\./m, "doc/api.md: event types of $_") for sort keys %resource;

my @jobs = sort map { /^\t(?:JOB|STEPS)\((\w+)/ ? $1 : () } split /\n/, slurp_file('src/base/jobs.h');
my ($table) = $operations =~ /^\| job, a function of that name .*?\n\|.*?\n(.*?)\n\n/ms;
is_deeply([ $table =~ /^\| `(\w+)`/mg ], \@jobs, 'doc/operations.md has all jobs, in order');

my $performance = slurp_file('doc/performance.md');
my %figure = map { $_ => 1 } map { slurp_file($_) =~ /(?:compare [a-z] |remember |answer '[^']*' |call_time |report_time )([a-z]\w*)/g } glob 'test/bench/*.sh';
cmp_ok(scalar keys %figure, '>', 40, 'figures of the bench');
ok($performance =~ /^\| \Q$_\E: /m, "doc/performance.md: figure $_") for sort keys %figure;

my $readme = slurp_file('README.md');
ok($readme =~ /\]\(\Q$_\E\)/, "README.md leads to $_") for glob 'doc/*.md';

# ---- META.json ----

my $meta = decode_json(slurp_file('META.json'));
my ($version) = slurp_file('swipesavvy.control') =~ /^default_version = '(.*)'$/m;
is($meta->{version}, $version, 'META.json has the version of the control file');
is($meta->{provides}{swipesavvy}{version}, $version, 'also for what it provides');
ok(-e $meta->{provides}{swipesavvy}{$_}, "its $_ is there") for qw(file docfile);
my ($newest) = slurp_file('CHANGELOG.md') =~ /^## \[?([0-9.]+)/m;
is($newest, $version, 'CHANGELOG.md begins with this version');

done_testing();
