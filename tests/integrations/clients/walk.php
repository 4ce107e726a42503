<?php
// Walks an agent with PHP's snmp extension: walk.php next|bulk PEER COMMUNITY ROOT.
// Prints what walk.pl does.
[, $how, $peer, $community, $root] = $argv;
$session = new SNMP(SNMP::VERSION_2C, $peer, $community, 12000000, 0);
$session->valueretrieval = SNMP_VALUE_OBJECT | SNMP_VALUE_PLAIN;
$session->oid_output_format = SNMP_OID_OUTPUT_NUMERIC;
$session->oid_increasing_check = true;
$session->exceptions_enabled = SNMP::ERRNO_ANY;
// Its version 2c always asks in bulk; one at a time is what getnext does.
$found = [];
if ($how === "bulk") {
	$found = $session->walk($root, false, 20);
} else {
	for ($at = $root; ; $at = $oid) {
		try {
			$next = $session->getnext([$at]);
		} catch (SNMPException $e) {
			// The end of everything is an error to it.
			if (!str_contains($e->getMessage(), "No more variables left")) {
				throw $e;
			}
			break;
		}
		$oid = array_key_first($next);
		if (!str_starts_with($oid, "$root.")) {
			break;
		}
		$found[$oid] = $next[$oid];
	}
}
foreach ($found as $oid => $variable) {
	$value = $variable->type === SNMP_OCTET_STR ? bin2hex($variable->value) : $variable->value;
	echo "$oid $variable->type $value\n";
}
