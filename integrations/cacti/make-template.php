<?php
/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Prints cacti_host_template_townmeter.xml, as Cacti exports it.
 *
 *   php -q make-template.php >cacti_host_template_townmeter.xml
 *
 * It makes the templates in the database of the Cacti that is installed, lets Cacti export
 * them, and takes all of it back. There must be none of ours yet. What identifies an object
 * for Cacti, its hash, comes from its name here, so that a later version of the file
 * updates what an earlier one made.
 */

require('/usr/share/cacti/site/include/cli_check.php');
require_once($config['base_path'] . '/lib/export.php');

const GAUGE = 1;
const DERIVE = 3;

const AVERAGE = 1;
const MAXIMUM = 3;
const LAST = 4;

const GREEN = '00CF00';
const BLUE = '002A97';
const RED = 'FF0000';
const ORANGE = 'FF7D00';

const AREA = GRAPH_ITEM_TYPE_AREA;
const LINE = GRAPH_ITEM_TYPE_LINE2;
const STACK = GRAPH_ITEM_TYPE_STACK;

/* CDEFs: ours by name, with what rrdtool calculates, and Cacti's own by its hash. */
const CDEFS = array(
	'quota'   => array('townMeter - Quota in Octets, If Any',
		'CURRENT_DATA_SOURCE,0,EQ,UNKN,CURRENT_DATA_SOURCE,1000000,*,IF'),
	/* All of the height while the status is 2, blocked, or 3, in part; consolidated values
	 * lie between two of them. */
	'blocked' => array('townMeter - Shade While Blocked',
		'CURRENT_DATA_SOURCE,1.5,GE,CURRENT_DATA_SOURCE,3.5,LT,*,INF,UNKN,IF'),
);
const BITS = '73f95f8b77b5508157d64047342c421e';

/* How numbers are written: Cacti's own, by their hashes. */
const UNITS = 'e9c43831e54eca8069317a2ce8c6f751';
const WHOLE = '19414480d6897c8731c7dc6c5310653e';

/* The graphs of a town and of a customer: name, label of the axis, how numbers are written;
 * data sources with their types and columns of the table; then what is drawn: data source,
 * shape, colour, CDEF, text. */
function graphs($status) {
	return array(
		array('Traffic', 'bits per second', UNITS,
			array('down'    => array(DERIVE, 'DownOctets'),
				'up'      => array(DERIVE, 'UpOctets'),
				'dropped' => array(DERIVE, 'DroppedOctets'),
				'status'  => array(GAUGE, $status)),
			array(array('status', AREA, RED, 'blocked', 'Blocked'),
				array('down', AREA, GREEN, 'bits', 'Down'),
				array('up', LINE, BLUE, 'bits', 'Up'),
				array('dropped', LINE, RED, 'bits', 'Dropped'))),
		array('Packets', 'packets per second', UNITS,
			array('down'    => array(DERIVE, 'DownPkts'),
				'up'      => array(DERIVE, 'UpPkts'),
				'dropped' => array(DERIVE, 'DroppedPkts')),
			array(array('down', AREA, GREEN, '', 'Down'),
				array('up', LINE, BLUE, '', 'Up'),
				array('dropped', LINE, RED, '', 'Dropped'))),
		array('Usage', 'octets in the period', UNITS,
			array('down'  => array(GAUGE, 'PeriodDownOctets'),
				'up'    => array(GAUGE, 'PeriodUpOctets'),
				'quota' => array(GAUGE, 'QuotaMB')),
			array(array('down', AREA, GREEN, '', 'Down'),
				array('up', STACK, BLUE, '', 'Up'),
				array('quota', LINE, RED, 'quota', 'Quota'))),
	);
}

$queries = array(
	array('Town', 'Town', 'townmeter_towns.xml', array_merge(graphs('AdminStatus'), array(
		array('Customers', 'customers', WHOLE,
			array('all'     => array(GAUGE, 'Hosts'),
				'over'    => array(GAUGE, 'OverQuotaHosts'),
				'blocked' => array(GAUGE, 'BlockedHosts')),
			array(array('all', LINE, GREEN, '', 'All'),
				array('over', LINE, ORANGE, '', 'Over Quota'),
				array('blocked', LINE, RED, '', 'Blocked'))),
	))),
	array('Host', 'Customer', 'townmeter_hosts.xml', graphs('OperStatus')),
);

function fail($message) {
	fwrite(STDERR, "make-template.php: $message\n");
	exit(1);
}

/* The hash of an object of ours. */
function identity(...$path) {
	return md5('townMeter for Cacti: ' . implode(' / ', $path));
}

function save($row, $table, ...$rest) {
	$id = sql_save($row, $table, ...$rest);

	if ($id === false && !cacti_sizeof($rest)) {
		fail("Cacti did not take a row of $table");
	}

	return $id;
}

/* The id of what Cacti comes with. */
function known($table, $value, $column = 'hash') {
	$id = db_fetch_cell_prepared("SELECT id FROM $table WHERE $column = ?", array($value));

	if (empty($id)) {
		fail("Cacti has no $value in $table");
	}

	return $id;
}

function make_cdefs() {
	$ids = array('' => 0, 'bits' => known('cdef', BITS));

	foreach (CDEFS as $key => list($name, $calculation)) {
		$ids[$key] = save(array('id' => 0, 'hash' => identity($name), 'name' => $name), 'cdef');
		save(array('id' => 0, 'hash' => identity($name, 'item'), 'cdef_id' => $ids[$key],
			'sequence' => 1, 'type' => CVDEF_ITEM_TYPE_STRING, 'value' => $calculation), 'cdef_items');
	}

	return $ids;
}

/* Returns the ids of the template and of its data sources by their names. */
function make_data_template($name, $title, $sources, $input) {
	$profile = db_fetch_row_prepared('SELECT * FROM data_source_profiles WHERE id = 1');
	$template = save(array('id' => 0, 'hash' => identity('data', $name), 'name' => $name), 'data_template');
	$data = save(array('id' => 0, 'data_template_id' => $template, 'data_input_id' => $input,
		't_name' => '', 'name' => $title, 'active' => 'on', 'rrd_step' => $profile['step'],
		'data_source_profile_id' => $profile['id']), 'data_template_data');

	/* A new Cacti has rows of templates that it does not have. */
	db_execute_prepared('DELETE FROM data_input_data WHERE data_template_data_id = ?', array($data));

	/* The index, its value and the graph that a data source is for are filled in for each. */
	$fields = db_fetch_assoc_prepared('SELECT id FROM data_input_fields WHERE data_input_id = ?
		AND type_code IN ("index_type", "index_value", "output_type") ORDER BY id', array($input));

	foreach ($fields as $field) {
		save(array('data_input_field_id' => $field['id'], 'data_template_data_id' => $data,
			't_value' => 'on', 'value' => ''),
			'data_input_data', array('data_template_data_id', 'data_input_field_id'), false);
	}

	$ids = array();

	foreach ($sources as $source => list($type, )) {
		/* Nothing goes backwards: less than nothing is not a rate and not an amount. */
		$ids[$source] = save(array('id' => 0, 'hash' => identity('data', $name, $source),
			'data_template_id' => $template, 'rrd_minimum' => '0', 'rrd_maximum' => 'U',
			'rrd_heartbeat' => $profile['heartbeat'], 'data_source_type_id' => $type,
			'data_source_name' => $source), 'data_template_rrd');
	}

	return array($template, $ids);
}

function make_graph_template($name, $title, $label, $format, $items, $sources, $ids, $cdefs) {
	$template = save(array('id' => 0, 'hash' => identity('graph', $name), 'name' => $name), 'graph_templates');
	save(array('id' => 0, 'graph_template_id' => $template, 'title' => $title, 'vertical_label' => $label,
		'image_format_id' => 1, 'height' => 200, 'width' => 700, 'base_value' => 1000, 'slope_mode' => '',
		'auto_scale' => 'on', 'auto_scale_opts' => 2, 'auto_scale_rigid' => 'on', 'upper_limit' => '1',
		'lower_limit' => '0', 'auto_padding' => 'on', 'right_axis_formatter' => '0',
		'left_axis_formatter' => '0', 'tab_width' => '', 'legend_position' => '0',
		'legend_direction' => '0'), 'graph_templates_graph');

	$format = known('graph_templates_gprint', $format);
	$sequence = 0;
	$users = array();

	foreach ($items as list($source, $shape, $colour, $cdef, $text)) {
		$shade = $cdef == 'blocked';
		$parts = array(array($shape, AVERAGE, $text));

		if (!$shade) {
			$parts[] = array(GRAPH_ITEM_TYPE_GPRINT, LAST, 'Current:');

			if ($sources[$source][0] == DERIVE) {
				$parts[] = array(GRAPH_ITEM_TYPE_GPRINT, AVERAGE, 'Average:');
			}

			$parts[] = array(GRAPH_ITEM_TYPE_GPRINT, MAXIMUM, 'Maximum:');
		}

		foreach ($parts as $i => list($type, $function, $text)) {
			$sequence++;
			$users[$source][] = save(array('id' => 0, 'hash' => identity('graph', $name, $source, $text),
				'graph_template_id' => $template, 'task_item_id' => $ids[$source], 'graph_type_id' => $type,
				'color_id' => $i > 0 ? 0 : known('colors', $colour, 'hex'), 'alpha' => $shade ? '19' : 'FF',
				'line_width' => $type == LINE ? 2 : 0, 'consolidation_function_id' => $function,
				'cdef_id' => $cdefs[$cdef], 'text_format' => $text, 'gprint_id' => $format,
				'hard_return' => $i == count($parts) - 1 ? 'on' : '', 'sequence' => $sequence),
				'graph_templates_item');
		}
	}

	foreach ($users as $source => $uses) {
		$input = save(array('id' => 0, 'hash' => identity('graph', $name, 'input', $source),
			'graph_template_id' => $template, 'name' => "Data Source [$source]",
			'column_name' => 'task_item_id'), 'graph_template_input');

		foreach ($uses as $id) {
			db_execute_prepared('INSERT INTO graph_template_input_defs VALUES (?, ?)', array($input, $id));
		}
	}

	return $template;
}

/* What the data query makes of it, for one kind of graph. */
function make_query_graph($query, $kind, $name, $title, $graph, $data, $sources, $ids) {
	$id = save(array('id' => 0, 'hash' => identity('query', $name), 'snmp_query_id' => $query,
		'name' => $name, 'graph_template_id' => $graph), 'snmp_query_graph');

	foreach ($sources as $source => list(, $column)) {
		save(array('snmp_query_graph_id' => $id, 'data_template_id' => $data,
			'data_template_rrd_id' => $ids[$source], 'snmp_field_name' => "townMeter$kind$column"),
			'snmp_query_graph_rrd', array('snmp_query_graph_id', 'data_template_id', 'data_template_rrd_id'), false);
	}

	save(array('id' => 0, 'hash' => identity('query', $name, 'title'), 'snmp_query_graph_id' => $id,
		'sequence' => 1, 'field_name' => 'title', 'text' => $title), 'snmp_query_graph_sv');
	save(array('id' => 0, 'hash' => identity('query', $name, 'name'), 'snmp_query_graph_id' => $id,
		'data_template_id' => $data, 'sequence' => 1, 'field_name' => 'name', 'text' => $title),
		'snmp_query_graph_rrd_sv');
}

$device = array('id' => 0, 'hash' => identity('device'), 'name' => 'townMeter Router', 'class' => 'linux');

if (db_fetch_cell_prepared('SELECT COUNT(*) FROM host_template WHERE hash = ?', array($device['hash']))) {
	fail('this Cacti has the templates already');
}

db_execute('START TRANSACTION');
$device['id'] = save($device, 'host_template');
$input = known('data_input', 'bf566c869ac6443b0c75d1c32b5a350e');	/* Get SNMP Data (Indexed) */
$cdefs = make_cdefs();

foreach ($queries as list($kind, $people, $file, $graphs)) {
	$query = save(array('id' => 0, 'hash' => identity('query', $kind),
		'xml_path' => "<path_cacti>/resource/snmp_queries/$file", 'name' => "townMeter - {$people}s",
		'description' => "Traffic and usage of each " . strtolower($people),
		'data_input_id' => $input), 'snmp_query');
	save(array('host_template_id' => $device['id'], 'snmp_query_id' => $query),
		'host_template_snmp_query', array('host_template_id', 'snmp_query_id'), false);

	foreach ($graphs as list($what, $label, $format, $sources, $items)) {
		$name = "townMeter - $people $what";
		$title = "|host_description| - |query_townMeter{$kind}Label| - $what";
		list($data, $ids) = make_data_template($name, $title, $sources, $input);
		$graph = make_graph_template($name, $title, $label, $format, $items, $sources, $ids, $cdefs);
		make_query_graph($query, $kind, "$people $what", $title, $graph, $data, $sources, $ids);
	}
}

$xml = get_item_xml('host_template', $device['id'], true);
db_execute('ROLLBACK');

/* Cacti pads the first line with blanks. */
print preg_replace('/[ \t]+$/m', '', $xml) . "\n";
