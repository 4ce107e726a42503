<?php
/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Cacti draws of a graph between two times: the picture into a file, and on the
 * standard output the lines of its export as JSON, {text: [value, ...]}.
 *
 *   php -q cacti_graph.php GRAPH START END FILE
 */

require('/usr/share/cacti/site/include/cli_check.php');
require_once($config['base_path'] . '/lib/rrd.php');

list(, $graph, $start, $end, $file) = $argv;
$times = array('graph_start' => (int)$start, 'graph_end' => (int)$end);

rrdtool_function_graph($graph, 0, $times + array('export' => true, 'export_filename' => $file));

$meta = array();
$export = rrdtool_function_xport($graph, 0, $times + array('export_csv' => true), $meta);
print json_encode($export);
