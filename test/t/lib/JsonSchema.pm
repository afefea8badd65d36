# Values against the JSON Schema of openapi(), strictly: types, formats, words, bounds, and keys both ways. An answer may have no key that its
# schema lacks, whatever additionalProperties would allow, and of each schema it is known which keys no answer has had.
#
#     my $schemas = JsonSchema->new($document);
#     $schemas->faults($schema, $value)      a line for each thing that is wrong
#     $schemas->unseen($schema, 'name')      the keys below it that no value has had so far
package JsonSchema;

use strict;
use warnings;

use B ();
use JSON::PP ();

sub new
{
    my ($class, $document) = @_;
    return bless { document => $document, seen => {} }, $class;
}

# What a reference stands for.
sub resolve
{
    my ($self, $schema) = @_;
    while (defined $schema->{'$ref'})
    {
        my $at = $self->{document};
        $at = $at->{$_} // die "nothing is at $schema->{'$ref'}" for grep { $_ ne '#' } split m{/}, $schema->{'$ref'};
        $schema = $at;
    }
    return $schema;
}

sub type_of
{
    my ($value) = @_;
    return 'null' if !defined $value;
    return 'boolean' if JSON::PP::is_bool($value);
    return ref $value eq 'ARRAY' ? 'array' : 'object' if ref $value;
    my $flags = B::svref_2object(\$value)->FLAGS;
    return 'string' if $flags & B::SVf_POK;
    return $value == int $value ? 'integer' : 'number';
}

my %FORMAT = (
    uuid => qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
    'date-time' => qr/^\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
    date => qr/^\d{4,}-\d\d-\d\d$/);

sub faults
{
    my ($self, $schema, $value, $where) = @_;
    $where //= '';
    $schema = $self->resolve($schema);
    if (my $choices = $schema->{anyOf} // $schema->{oneOf})
    {
        my @faults = map { [ $self->faults($_, $value, $where) ] } @$choices;
        return (grep { !@$_ } @faults) ? () : "$where: fits none: " . join ' | ', map { @$_ } @faults;
    }
    my $type = type_of($value);
    if (defined(my $wanted = $schema->{type}))
    {
        my @wanted = ref $wanted ? @$wanted : $wanted;
        return "$where: is $type, not " . join '|', @wanted if !grep { $_ eq $type || ($_ eq 'number' && $type eq 'integer') } @wanted;
    }
    return () if $type eq 'null';
    return "$where: \"$value\" is none of its words" if $schema->{enum} && !grep { defined && $_ eq $value } @{ $schema->{enum} };
    return "$where: \"$value\" is no $schema->{format}" if $schema->{format} && $value !~ $FORMAT{ $schema->{format} };
    return "$where: $value is out of bounds"
      if $type =~ /integer|number/ && ((defined $schema->{minimum} && $value < $schema->{minimum}) || (defined $schema->{maximum} && $value > $schema->{maximum}));
    return $self->faults_of_object($schema, $value, $where) if $type eq 'object';
    return map { $self->faults($schema->{items}, $value->[$_], "$where\[$_]") } 0 .. $#$value if $type eq 'array' && $schema->{items};
    return ();
}

sub faults_of_object
{
    my ($self, $schema, $value, $where) = @_;
    if (my $any = ref $schema->{additionalProperties} ? $schema->{additionalProperties} : undef)
    {
        return map { $self->faults($any, $value->{$_}, "$where.$_") } sort keys %$value;
    }
    my $properties = $schema->{properties} or return ();
    my @faults = map { "$where: lacks $_" } grep { !exists $value->{$_} } @{ $schema->{required} };
    for my $key (sort keys %$value)
    {
        my $of_key = $properties->{$key};
        $self->{seen}{"$of_key"}++ if defined $of_key;
        push @faults, defined $of_key ? $self->faults($of_key, $value->{$key}, "$where.$key") : "$where: $key is not in the schema";
    }
    return @faults;
}

sub unseen
{
    my ($self, $schema, $name) = @_;
    return () if $schema->{'$ref'};
    my @parts = (@{ $schema->{anyOf} // $schema->{oneOf} // [] }, grep { ref } $schema->{items}, $schema->{additionalProperties});
    my $properties = $schema->{properties} // {};
    return (
        (map { $self->unseen($_, $name) } grep { ref eq 'HASH' } @parts),
        map { $self->{seen}{"$properties->{$_}"} ? $self->unseen($properties->{$_}, "$name.$_") : "$name.$_" } sort keys %$properties);
}

1;
