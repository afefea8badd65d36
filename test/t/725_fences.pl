# Fences: 10,000 random points are inside or outside of random polygons as the winding number in three dimensions says; random traces give
# what a slow model makes of all reports of a user, from the first on. SWIPESAVVY_REPORTS: how many, 6,000 unless told.
# (takes long)
use strict;
use warnings;

use JSON::PP qw(decode_json encode_json);
use List::Util qw(min max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SwipeSavvy qw(new_node create_extension);
use Test::More;

my $seed = $ENV{SEED} // int(rand(2**31));
diag "seed $seed";
srand $seed;
my $PI     = 4 * atan2(1, 1);
my $RADIUS = 6371008.771415059;
my $node   = new_node('fences');
create_extension($node, 'app');

sub vector { my ($lat, $lon) = map { $_ * $PI / 180 } @_; return [ cos($lat) * cos($lon), cos($lat) * sin($lon), sin($lat) ] }
sub dot { my ($a, $b) = @_; return $a->[0] * $b->[0] + $a->[1] * $b->[1] + $a->[2] * $b->[2] }
sub cross { my ($a, $b) = @_; return [ $a->[1] * $b->[2] - $a->[2] * $b->[1], $a->[2] * $b->[0] - $a->[0] * $b->[2], $a->[0] * $b->[1] - $a->[1] * $b->[0] ] }
sub normal { my ($v) = @_; my $l = sqrt(dot($v, $v)); return [ map { $_ / $l } @$v ] }
sub degrees { my ($v) = @_; my $lat = atan2($v->[2], sqrt($v->[0]**2 + $v->[1]**2)) * 180 / $PI; my $lon = atan2($v->[1], $v->[0]) * 180 / $PI; return map { sprintf('%.7f', $_) + 0 } $lat, $lon }

# The point at that distance (radians) and bearing from a centre.
sub away
{
    my ($centre, $distance, $bearing) = @_;
    my $east = normal(cross(abs($centre->[2]) > 0.9 ? [ 1, 0, 0 ] : [ 0, 0, 1 ], $centre));
    my $north = cross($centre, $east);
    return [ map { cos($distance) * $centre->[$_] + sin($distance) * (cos($bearing) * $north->[$_] + sin($bearing) * $east->[$_]) } 0 .. 2 ];
}

# A star around a centre, as rings of [latitude, longitude]: an outer one, and perhaps a hole.
sub star
{
    my ($centre, $size, $hole) = @_;
    my $n = 3 + int(rand 12);
    my @outer = map { [ degrees(away($centre, $size * (0.5 + rand 0.5), 2 * $PI * ($_ + rand 0.8) / $n)) ] } 0 .. $n - 1;
    return [ \@outer ] if !$hole;
    my @hole = map { [ degrees(away($centre, $size * (0.03 + rand 0.06), 2 * $PI * $_ / 3)) ] } 0 .. 2;
    return [ \@outer, \@hole ];
}

# How often the ring runs around the point, by the angles that it is seen under.
sub winding
{
    my ($ring, $p) = @_;
    my $sum = 0;
    for my $i (0 .. $#$ring)
    {
        my ($a, $b) = ($ring->[$i], $ring->[ ($i + 1) % @$ring ]);
        $sum += atan2(dot($p, cross($a, $b)), dot($a, $b) - dot($p, $a) * dot($p, $b));
    }
    return int($sum / (2 * $PI) + ($sum < 0 ? -0.5 : 0.5));
}

# Metres from the great circles of the edges: never more than from the edges.
sub edge_at_least { my ($rings, $p) = @_; return min(map { my $r = $_; map { $RADIUS * abs(dot($p, normal(cross($r->[$_], $r->[ ($_ + 1) % @$r ])))) } 0 .. $#$r } @$rings) }

# --- polygons: at random places, at both poles, across the 180th meridian -----------------------------
my @centres = ([ 89.9, 0 ], [ 90, 0 ], [ -90, 0 ], [ -89, 120 ], [ 0, 180 ], [ -16.4, 179.9 ], [ 66, -179.9 ], [ 0, 0 ], map { [ 160 * rand() - 80, 360 * rand() - 180 ] } 1 .. 32);
my (@rings, @points, @outlines, $refused);
for my $n (0 .. $#centres)
{
    my $centre = vector(@{ $centres[$n] });
    my $size = 10**(rand(3.3) - 4.8);    # 100 m to 200 km
    my $star = star($centre, $size, $n % 2);
    my $coordinates = encode_json([ map { [ map { [ $_->[1] + 0, $_->[0] + 0 ] } @$_ ] } @$star ]);
    my ($rc, $out, $err) = $node->psql('app', sprintf(q{SELECT swipesavvy.create_geofence('%d', polygon => '{"type": "Polygon", "coordinates": %s}', dwell_seconds => 86400, max_accuracy_meters => 5000, geofence_id => '00000000-0000-7000-8000-%012d')}, $n, $coordinates, $n));
    if ($rc != 0) { $refused++; like($err, qr/invalid value for argument "polygon"/, 'a star that touches itself is refused'); next }
    push @rings, [ $n, [ map { [ map { vector(@$_) } @$_ ] } @$star ] ];
    push @outlines, "$n;$coordinates";
    push @points, map { [ $n, degrees(away($centre, $size * 1.1 * sqrt(rand), 2 * $PI * rand)) ] } 1 .. 250;
}
cmp_ok(scalar @rings, '>=', 35, 'polygons') or diag "$refused were refused";
my $file = PostgreSQL::Test::Utils::tempdir() . '/points.csv';
append_to_file($file, join '', map { join(',', $_, @{ $points[$_] }) . "\n" } 0 .. $#points);
my @entered = split /\n/, $node->safe_psql('app', qq{
    CREATE TABLE public.points (i int PRIMARY KEY, n int, latitude float8, longitude float8);
    \\copy public.points FROM '$file' WITH (FORMAT csv)
    INSERT INTO swipesavvy.user_positions (user_id) SELECT ('00000000-0000-7000-8001-' || lpad(i::text, 12, '0'))::uuid FROM public.points;
    SELECT i || ' ' || coalesce((SELECT string_agg(z ->> 'name', ' ') FROM jsonb_array_elements(swipesavvy.report_location(('00000000-0000-7000-8001-' || lpad(i::text, 12, '0'))::uuid, latitude, longitude, 0) -> 'zones') z), '') FROM public.points ORDER BY i});
my ($wrong, $inside, $near) = (0, 0, 0);
my @clear;    # points that lie near the edge of no polygon
for my $i (0 .. $#points)
{
    my ($n, $lat, $lon) = @{ $points[$i] };
    my $p = vector($lat, $lon);
    my %in = map { $_ => 1 } split / /, $entered[$i] =~ s/^\d+ ?//r;
    my $doubtful = 0;
    for my $polygon (grep { dot($_->[1][0][0], $p) > 0.9 } @rings)
    {
        my ($name, $rings) = @$polygon;
        if (edge_at_least($rings, $p) < 0.02) { $doubtful = 1; $near++ if $name == $n; next }
        my $odd = grep({ winding($_, $p) != 0 } @$rings) % 2;
        $inside++ if $odd && $name == $n;
        $wrong++, diag("$lat $lon in $name") if $odd != ($in{$name} // 0);
    }
    push @clear, "$i;" . join ' ', sort { $a <=> $b } keys %in if !$doubtful;
}
cmp_ok(scalar @points, '>=', 8750, 'points');
cmp_ok($inside, '>', 1500, "of which $inside lie inside, and $near too near to the circle of an edge to tell");
is($wrong, 0, 'inside is what the winding number says');

# The same by PostGIS, whose edges are arcs of great circles, too, where it is installed.
SKIP: {
    skip 'no PostGIS; the winding number alone was the oracle', 1
      unless $node->safe_psql('app', "SELECT count(*) FROM pg_available_extensions WHERE name = 'postgis'");
    my $dir = PostgreSQL::Test::Utils::tempdir();
    append_to_file("$dir/outlines.csv", join '', map { "$_\n" } @outlines);
    append_to_file("$dir/clear.csv", join '', map { "$_\n" } @clear);
    is($node->safe_psql('app', qq{CREATE EXTENSION postgis;
        CREATE TABLE public.outlines (n int, coordinates jsonb);
        CREATE TABLE public.clear (i int, zones text);
        \\copy public.outlines FROM '$dir/outlines.csv' WITH (DELIMITER ';', QUOTE E'\\x01', FORMAT csv)
        \\copy public.clear FROM '$dir/clear.csv' WITH (DELIMITER ';', FORMAT csv, FORCE_NOT_NULL (zones))
        CREATE TABLE public.areas AS SELECT n, ST_GeomFromGeoJSON(jsonb_build_object('type', 'Polygon', 'coordinates', (SELECT jsonb_agg(ring || jsonb_build_array(ring -> 0)) FROM jsonb_array_elements(coordinates) ring)))::geography AS area FROM public.outlines;
        SELECT count(*) FROM public.clear c JOIN public.points p USING (i)
         WHERE c.zones <> coalesce((SELECT string_agg(n::text, ' ' ORDER BY n) FROM public.areas WHERE ST_Covers(area, ST_MakePoint(longitude, latitude)::geography)), '')}), 0, 'and what PostGIS says');
}

# --- the states, by a model that begins anew with each report -------------------------------------------
# A fence of 100 m around (0, 0); reports lie north of it. Seconds, metres from the centre, accuracy.
$node->safe_psql('app', q{UPDATE swipesavvy.geofences SET is_active = false;
    SELECT swipesavvy.create_geofence('model', 0, 0, 100, dwell_seconds => 200, max_accuracy_meters => 60, geofence_id => '00000000-0000-7000-8000-0000000000ff')});

# All that all accepted reports come to: what the last one brought, and the visits.
sub model
{
    my (@reports) = @_;
    my (@visits, @events, $last);
    for my $r (@reports)
    {
        my ($t, $d, $a) = @$r;
        my $s = $d - 100;
        my $visit = @visits && !defined $visits[-1]{out} ? $visits[-1] : undef;
        @events = ();
        if ($visit && $t - $last >= 1800) { $visit->{out} = $visit->{last_in}; push @events, 'exited'; $visit = undef }
        my $band = max(20, min($a, 100));
        if ($s <= 0 && $a <= 60)
        {
            if (!$visit && @visits && $t - $visits[-1]{out} < 300) { $visit = $visits[-1]; delete $visit->{out}; $visit->{last_in} = $t; delete $visit->{leaving} }
            elsif (!$visit) { push @visits, { in => $t, last_in => $t }; push @events, 'entered' }
            else
            {
                $visit->{last_in} = $t;
                delete $visit->{leaving};
                if (!defined $visit->{stay} && $t - $visit->{in} >= 200) { $visit->{stay} = $t; push @events, 'dwelt' }
                else { push @events, 'inside' }
            }
        }
        elsif ($s > $band && $visit)
        {
            my $first = $visit->{leaving} // $t;
            if ($s > 200 + $a || (defined $visit->{leaving} && $t - $visit->{leaving} >= 60)) { $visit->{out} = $first; delete $visit->{leaving}; push @events, 'exited' }
            else { $visit->{leaving} = $first }
        }
        $last = $t;
    }
    return (join(' ', @events), join '; ', map { join ' ', $_->{in}, $_->{stay} // '-', $_->{out} // '-' } @visits);
}

my $traces = int(($ENV{SWIPESAVVY_REPORTS} || 6_000) / 30);
my ($answers, $differ) = (0, 0);
for (my $first = 0; $first < $traces; $first += 200)
{
    my (@script, @wanted);
    for my $trace ($first .. min($first + 199, $traces - 1))
    {
        my ($t, $d, @accepted) = (0, 0);
        push @script, sprintf(q{INSERT INTO swipesavvy.user_positions (user_id) VALUES ('00000000-0000-7000-8002-%012d');}, $trace);
        for (1 .. 30)
        {
            $t += (5, 30, 59, 60, 61, 120, 199, 200, 299, 300, 301, 1799, 1800, 1801)[ int(rand 14) ] if @accepted;
            $d = (0, 50, 99, 101, 110, 119, 121, 140, 157, 197, 201, 298, 306, 355, 365, 401, 900)[ int(rand 17) ];
            my $a = (0, 5, 20, 59, 60, 61, 99, 150)[ int(rand 8) ];
            push @accepted, [ $t, $d, $a ];
            my ($events, $visits) = model(@accepted);
            push @wanted, "$trace/$t/$d/$a: $events";
            push @script, sprintf(q{SELECT '%s: ' || coalesce((SELECT string_agg(z ->> 'event', ' ') FROM jsonb_array_elements(swipesavvy.report_location('00000000-0000-7000-8002-%012d', %.9f, 0, %d, date_trunc('hour', now()) - interval '20 hours' + interval '%d seconds') -> 'zones') z), '');},
                "$trace/$t/$d/$a", $trace, $d / ($RADIUS * $PI / 180), $a, $t);
            if (@accepted == 30)
            {
                push @wanted, "$trace: $visits";
                push @script, sprintf(q{SELECT '%d: ' || coalesce(string_agg(concat_ws(' ', extract(epoch FROM entered_at - start)::int, coalesce(extract(epoch FROM dwelt_at - start)::int::text, '-'), coalesce(extract(epoch FROM exited_at - start)::int::text, '-')), '; ' ORDER BY entered_at), '')
                    FROM swipesavvy.geofence_visits, (SELECT date_trunc('hour', now()) - interval '20 hours' AS start) s WHERE user_id = '00000000-0000-7000-8002-%012d';}, $trace, $trace);
            }
        }
    }
    # one transaction, one now(): an hour that ends meanwhile would move the traces
    my @got = split /\n/, $node->safe_psql('app', join "\n", 'BEGIN;', @script, 'COMMIT;');
    my @differ = grep { ($got[$_] // '') ne $wanted[$_] } 0 .. max($#wanted, $#got);
    diag join "\n", map { 'got    ' . ($got[$_] // 'nothing') . "\nwanted " . ($wanted[$_] // 'nothing') } @differ[ 0 .. min(9, $#differ) ] if @differ && !$differ;
    $answers += @got;
    $differ += @differ;
}
is($answers, 31 * $traces, 'answers');
is($differ, 0, "each of @{[30 * $traces]} reports brings what the model says, and visits are as it says");
$node->stop;

done_testing();
