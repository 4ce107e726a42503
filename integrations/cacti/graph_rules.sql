-- SPDX-License-Identifier: GPL-2.0-or-later
--
-- Lets Cacti make the graphs of every town and customer by itself, also of those that come
-- later: a graph rule for each kind of graph, for devices of the template townMeter Router.
-- What Console > Automation > Graph Rules would make, where the rules can be changed
-- afterwards. To be run after the import of the template; running it again adds nothing.

INSERT INTO automation_graph_rules (name, snmp_query_id, graph_type_id, enabled)
    SELECT CONCAT('townMeter - ', graph.name), query.id, graph.id, 'on'
    FROM snmp_query_graph AS graph JOIN snmp_query AS query ON query.id = graph.snmp_query_id
    WHERE query.name LIKE 'townMeter - %'
    AND CONCAT('townMeter - ', graph.name) NOT IN (SELECT name FROM automation_graph_rules);

INSERT INTO automation_match_rule_items
        (rule_id, rule_type, sequence, operation, field, operator, pattern)
    SELECT id, 1, 1, 0, 'ht.name', 1, 'townMeter'
    FROM automation_graph_rules
    WHERE name LIKE 'townMeter - %'
    AND id NOT IN (SELECT rule_id FROM automation_match_rule_items WHERE rule_type = 1);
