#!/usr/bin/perl
# unicode_table.pl: prints unicode_table.h from the Unicode data that Perl brings. Run it again, from src/base, with a newer Perl:
#     perl unicode_table.pl >unicode_table.h
# Keys of addresses stay as they are, as what is assigned is folded alike for ever and addresses have no unassigned characters.
use strict;
use warnings;
use feature qw(fc unicode_strings);
use Unicode::UCD;
use Unicode::Normalize qw(NFKC);

my $last = 0x10FFFF;

# What a character is: the bits of unicode.h, in its order.
my @bits = (
    [ SPACE => sub { /\p{White_Space}/ } ],
    [ SEPARATOR => sub { /\p{Zs}/ } ],
    [ INVISIBLE => sub { /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/ } ],
    [ MARK => sub { /\p{M}/ } ],
    [ ACCENT => sub { /\p{Mn}/ && /[\p{Script=Inherited}\p{Script=Common}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}]/ && !/[\x{3099}\x{309A}]/ } ],
    [ OPAQUE => \&is_opaque ],
    [ VIRAMA => sub { /\p{Canonical_Combining_Class=9}/ } ],
    [ JOINS_LEFT => sub { /[\p{Joining_Type=L}\p{Joining_Type=D}]/ } ],
    [ JOINS_RIGHT => sub { /[\p{Joining_Type=R}\p{Joining_Type=D}]/ } ],
    [ JOINS_THROUGH => sub { /\p{Joining_Type=T}/ } ],
    [ FAMILY_FIRST => sub { /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}]/ } ],
    [ KANA_OR_HAN => sub { /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/ } ],
    [ GREEK => sub { /\p{Script=Greek}/ } ],
    [ HEBREW => sub { /\p{Script=Hebrew}/ } ],
);

# May it stand in an OpaqueString by itself? (RFC 8264, section 8 and 9: PVALID or FREE_PVAL. What depends on its neighbours is in unicode.c.)
sub is_opaque
{
    return 1 if /[\x{DF}\x{3C2}\x{6FD}\x{6FE}\x{F0B}\x{3007}]/;
    return 0 if /[\x{B7}\x{375}\x{5F3}\x{5F4}\x{30FB}\x{660}-\x{669}\x{6F0}-\x{6F9}\x{640}\x{7FA}\x{302E}\x{302F}\x{3031}-\x{3035}\x{303B}]/;
    return 0 if /\p{Cn}/;
    return 1 if /[\x21-\x7E]/;
    return 0 if /[\p{Join_Control}\p{Hangul_Syllable_Type=L}\p{Hangul_Syllable_Type=V}\p{Hangul_Syllable_Type=T}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\p{Cc}\p{Cs}]/;
    return 1 if NFKC($_) ne $_;
    return /[\p{L}\p{M}\p{Nd}\p{Nl}\p{No}\p{Zs}\p{S}\p{P}]/ ? 1 : 0;
}

my ($first_of, $present) = (0, -1);
my @classes;
for my $point (0 .. $last + 1)
{
    my $value = -1;
    if ($point <= $last)
    {
        no warnings;
        local $_ = chr $point;
        $value = 0;
        for my $i (0 .. $#bits)
        {
            $value |= 1 << $i if ($point < 0xD800 || $point > 0xDFFF) ? $bits[$i][1]->() : $bits[$i][0] eq 'INVISIBLE';
        }
    }
    next if $value == $present;
    push @classes, sprintf '{0x%X, 0x%X, 0x%X}', $first_of, $point - 1, $present if $present > 0;
    ($first_of, $present) = ($point, $value);
}

# Runs of characters that are mapped to one other, by the same distance, each or every second; and those that become several.
sub mappings
{
    my ($of) = @_;
    my (@runs, @several);
    for my $point (0 .. $last)
    {
        next if $point >= 0xD800 && $point <= 0xDFFF;
        my @to = map { ord } split //, $of->(chr $point);
        if (@to > 1) { push @several, [ $point, @to ] }
        elsif ($to[0] != $point)
        {
            my ($distance, $run) = ($to[0] - $point, $runs[-1]);
            if ($run && $run->[3] == $distance && $point - $run->[1] <= 2 && ($run->[2] == 0 || $run->[2] == $point - $run->[1]))
            {
                $run->[2] = $point - $run->[1];
                $run->[1] = $point;
            }
            else { push @runs, [ $point, $point, 0, $distance ] }
        }
    }
    return ([ map { sprintf '{0x%X, 0x%X, %d, %d}', $_->[0], $_->[1], $_->[2] || 1, $_->[3] } @runs ],
        [ map { sprintf '{0x%X, {%s}}', $_->[0], join ', ', map { sprintf '0x%X', $_ } @$_[1 .. $#$_] } @several ]);
}

sub table
{
    my ($type, $name, $rows) = @_;
    my ($text, $line) = ("static const $type $name\[] = {\n", "\t");
    for my $row (@$rows)
    {
        if (length($line) + length($row) > 112) { $text .= "$line\n"; $line = "\t" }
        $line .= ($line eq "\t" ? '' : ' ') . "$row,";
    }
    return "$text$line\n};\n";
}

my $version = Unicode::UCD::UnicodeVersion();
my ($fold, $fold_several) = mappings(sub { fc $_[0] });
print <<"END", join "\n", table('Class', 'classes', \@classes), table('Run', 'fold_runs', $fold), table('Several', 'fold_several', $fold_several);
/* unicode_table.h: of Unicode $version, made by unicode_table.pl; included by unicode.c alone. */

/* clang-format off */
END
print "/* clang-format on */\n";
