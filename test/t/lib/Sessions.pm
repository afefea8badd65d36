# Many psql sessions driven by one process: each is given a script and reports when the script has ended or the
# connection is lost. Nothing here waits for a single session, so they run side by side.
package Sessions;

use strict;
use warnings;

use IO::Select;
use IPC::Open3 qw(open3);

my $select = IO::Select->new;
my %of_handle;

# A session of that application_name; `started` is called with the backend's process id.
sub new
{
    my ($class, $name, $connstr, $started) = @_;
    return bless { name => $name, connstr => $connstr, started => $started }, $class;
}

sub connected { return defined $_[0]{out} }

sub connect
{
    my ($self) = @_;
    my @command = ('psql', '-qXAt', '-F', ' ', '-d', $self->{connstr});

    local $ENV{PGAPPNAME} = $self->{name};
    $self->{psql} = open3($self->{in}, $self->{out}, undef, @command);
    $self->{in}->autoflush(1);
    $self->{out}->blocking(0);
    $self->{buffer} = '';
    $select->add($self->{out});
    $of_handle{ fileno $self->{out} } = $self;
    return;
}

# Sends statements. When all have ended, or the connection is lost, calls done(results, complete): for each statement
# that ended { state => SQLSTATE, lines => [what it printed] }.
sub run
{
    my ($self, $statements, $done) = @_;
    my $script = '';

    if (!$self->connected)
    {
        $self->connect;
        $script = "\\set VERBOSITY verbose\nSET client_min_messages = error;\nSELECT 'backend ' || pg_backend_pid();\n";
    }
    for (@$statements)
    {
        $script .= /^\\/ ? $_ : "$_;";
        $script .= "\n\\echo \@\@ :SQLSTATE\n";
    }
    $self->{results} = [];
    $self->{lines} = [];
    $self->{expected} = @$statements;
    $self->{done} = $done;
    local $SIG{PIPE} = 'IGNORE';
    print { $self->{in} } $script;
    return;
}

sub busy { return defined $_[0]{done} }

sub quit
{
    my ($self) = @_;
    return unless $self->connected;
    $select->remove($self->{out});
    delete $of_handle{ fileno $self->{out} };
    close $self->{in};
    close $self->{out};
    waitpid $self->{psql}, 0;
    delete $self->{out};
    return;
}

sub finish
{
    my ($self, $complete) = @_;
    my $done = delete $self->{done};
    $done->($self->{results}, $complete) if $done;
    return;
}

# One line of output: the end of a statement, or what it printed.
sub take_line
{
    my ($self, $line) = @_;

    if ($line =~ /^backend (\d+)$/)
    {
        $self->{started}->($1) if $self->{started};
    }
    elsif ($line =~ /^@@ (\S+)$/)
    {
        # psql's SQLSTATE says nothing about \copy, the message does
        my $state = (map { /^ERROR:  (\w{5}):/ } @{ $self->{lines} })[0] // $1;
        push @{ $self->{results} }, { state => $state, lines => $self->{lines} };
        $self->{lines} = [];
        $self->finish(1) if @{ $self->{results} } == $self->{expected};
    }
    else
    {
        push @{ $self->{lines} }, $line;
    }
    return;
}

sub read_some
{
    my ($self) = @_;
    my $got = sysread $self->{out}, $self->{buffer}, 65536, length $self->{buffer};

    if (!$got)
    {
        return if !defined $got && $!{EAGAIN};
        $self->{last_words} = join "\n", @{ $self->{lines} }, $self->{buffer};
        $self->quit;
        $self->finish(0);
        return;
    }
    while ($self->{buffer} =~ s/^([^\n]*)\n//)
    {
        $self->take_line($1);
    }
    return;
}

# Reads what the sessions have printed; waits that many seconds at most.
sub wait_for_some
{
    my ($seconds) = @_;
    my @ready = map { $of_handle{ fileno $_ } } $select->can_read($seconds);
    $_->read_some for @ready;
    return;
}

# Runs statements in one session and waits for them; the results.
sub query
{
    my ($self, @statements) = @_;
    my @results;
    $self->run(\@statements, sub { @results = @{ $_[0] } if $_[1] });
    wait_for_some(1) while $self->busy;
    die "session $self->{name} was lost: $self->{last_words}" unless @results;
    return @results;
}

1;
