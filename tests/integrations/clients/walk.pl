#!/usr/bin/perl
# Walks an agent with Net::SNMP, which is Perl and nothing of net-snmp's:
# walk.pl next|bulk PEER COMMUNITY ROOT. Prints a line for every variable:
# its identifier, its type as the tag's number, its value; octets in hexadecimal.
use strict;
use warnings;
use Net::SNMP qw(OCTET_STRING ENDOFMIBVIEW oid_base_match);

my ($how, $peer, $community, $root) = @ARGV;
my ($session, $error) = Net::SNMP->session(
	-hostname => $peer, -community => $community, -version => 'snmpv2c',
	-timeout => 12, -retries => 0, -translate => [-all => 0], -maxmsgsize => 65535);
die "$error\n" unless defined $session;

my $at = $root;
while (1) {
	my $found = $how eq 'bulk'
	    ? $session->get_bulk_request(-varbindlist => [$at], -maxrepetitions => 20)
	    : $session->get_next_request(-varbindlist => [$at]);
	die $session->error, "\n" unless defined $found;
	my $types = $session->var_bind_types;
	for my $oid ($session->var_bind_names) {
		exit 0 if $types->{$oid} == ENDOFMIBVIEW || !oid_base_match($root, $oid);
		my $value = $found->{$oid};
		$value = unpack 'H*', $value if $types->{$oid} == OCTET_STRING;
		print "$oid $types->{$oid} $value\n";
		$at = $oid;
	}
}
