# usage: perl parts.pl DIRECTORY < MESSAGE
# What MIME::Parser makes of a message, as JSON: type, encoding, name, charset,
# digest and size of every leaf, and of texts the digest with LF for CRLF, which
# is how it hands them out; then whatever it complained about.
use strict;
use warnings;
use Digest::SHA;
use JSON::PP;
use MIME::Parser;

my $parser = MIME::Parser->new;
$parser->output_under($ARGV[0]);
$parser->extract_nested_messages(0);
binmode STDIN;
my $entity = $parser->parse(\*STDIN);
my @leaves;

sub walk {
	my ($e, $path) = @_;
	my $type = $e->mime_type;
	if ($e->parts) {
		walk($_, "$path$type>") for $e->parts;
		return;
	}
	my ($digest, $size, $text) = (Digest::SHA->new(256), 0, '');
	if (my $io = $e->bodyhandle && $e->bodyhandle->open('r')) {
		while ($io->read(my $data, 1 << 16)) {
			$digest->add($data);
			$size += length $data;
			$text .= $data if $type =~ m{^text/};
		}
		$io->close;
	}
	$text =~ s/\r\n/\n/g;
	my $head = $e->head;
	my %leaf = (type => "$path$type", sha256 => $digest->hexdigest,
	    text => Digest::SHA::sha256_hex($text), size => $size,
	    encoding => $head->mime_encoding);
	for (['name', 'content-disposition.filename'],
	    ['type_name', 'content-type.name'],
	    ['charset', 'content-type.charset']) {
		my $value = $head->mime_attr($_->[1]);
		utf8::decode($value) if defined $value;
		$leaf{$_->[0]} = $value;
	}
	push @leaves, \%leaf;
}

walk($entity, '');
my @said = map { "$_" } $parser->results->msgs;
@said = grep { /error|warning/ } @said;
print JSON::PP->new->ascii->encode({ leaves => \@leaves, said => \@said });
$parser->filer->purge;
