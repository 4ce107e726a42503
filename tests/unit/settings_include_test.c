/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration in several files. */
#include <ftw.h>
#include <sys/stat.h>

#include "settings_text.h"

/* A directory whose name would be a pattern, in one that goes away. */
static char place[64], directory[80], first[128];

static int begin(void **state)
{
	(void)state;
	snprintf(place, sizeof place, "/tmp/settings_test.XXXXXX");
	if (!mkdtemp(place))
		return -1;
	snprintf(directory, sizeof directory, "%s/a[b]*\\c", place);
	snprintf(first, sizeof first, "%s/townmeter.yaml", directory);
	return mkdir(directory, 0700);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status, (void)type, (void)at;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	return nftw(place, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
	assert_int_equal(fclose(file), 0);
}

static void make_directory(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

/* Reads the first file; in what is told, F is the directory. */
static int read_files(struct settings *settings)
{
	told[0] = '\0';
	snprintf(told_path, sizeof told_path, "%s", directory);
	settings_defaults(settings);
	int mistakes = settings_read(settings, first, tell);
	told_path[0] = '\0';
	return mistakes;
}

static void expect_files(const char *said)
{
	struct settings s;
	int mistakes = read_files(&s), lines = 0;

	if (strcmp(told, said) != 0)
		fail_msg("it said: %swhich is not: %s", told, said);
	for (const char *c = told; *c; c++)
		lines += *c == '\n';
	assert_int_equal(mistakes, lines);
	settings_free(&s);
}

static void expect_file(const struct settings *s, size_t i, const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	assert_true(i < s->n_files);
	assert_string_equal(s->files[i], path);
}

static void good_files(void **state)
{
	struct settings s;
	const struct settings_row *row;

	(void)state;
	make_directory("c.d");
	write_file("townmeter.yaml", "include: [more.yaml, c.d/*.yaml, none.d/*.yaml, c.d/x?]\nrules: managed\n"
				     "towns:\n- {name: t, quota: 2TB, prefixes: [10.1.0.0/24]}\n- {name: u, warn-percent: 7}\n");
	write_file("more.yaml", "towns:\n- name: t\n  hosts: [{name: more, prefixes: [10.1.0.1]}]\n");
	write_file("c.d/20.yaml", "towns:\n- {name: v, prefixes: [10.3.0.0/24], hosts: [{name: twenty, prefixes: "
				  "[10.3.0.20]}]}\n");
	/* JSON, and the town's own keys in another file. */
	write_file("c.d/10.yaml", "{\"towns\": [\n{\"name\": \"u\",\n\"prefixes\": [\"10.2.0.0/24\"], \"quota\": \"1GB\", \"basis\": "
				  "\"up\", \"hosts\": [{\"name\": \"ten\", \"prefixes\": [\"10.2.0.10\"]}]},\n"
				  "{\"name\": \"v\", \"hosts\": [{\"name\": \"ten\", \"prefixes\": [\"10.3.0.10\"]}]}]}");
	write_file("c.d/30.yaml", "# no customers yet\n");
	write_file("c.d/40.yaml", "towns: []\n");
	write_file("c.d/50.yaml~", "towns: [\n");
	if (read_files(&s) > 0)
		fail_msg("it said: %s", told);
	assert_int_equal(s.n_files, 6);
	expect_file(&s, 0, "townmeter.yaml");
	expect_file(&s, 1, "more.yaml");
	expect_file(&s, 2, "c.d/10.yaml");
	expect_file(&s, 3, "c.d/20.yaml");
	expect_file(&s, 4, "c.d/30.yaml");
	expect_file(&s, 5, "c.d/40.yaml");
	assert_int_equal(s.n_rows, 7);
	assert_int_equal(s.n_prefixes, 7);
	row = settings_find(&s, "t", "more");
	assert_true(row->file == 1 && row->line == 3 && row->n_prefixes == 1);
	/* A town is where its prefixes are, and has what all files say. */
	row = settings_find(&s, "u", "");
	assert_true(row->file == 2 && row->line == 2 && row->n_prefixes == 1);
	assert_int_equal(s.prefixes[row->first_prefix].line, 3);
	assert_true(row->quota.megabytes == 1000 && row->quota.warn_percent == 7 && row->quota.basis == QUOTA_UP);
	assert_int_equal(row->given, SETTINGS_QUOTA | SETTINGS_BASIS | SETTINGS_WARN_PERCENT);
	row = settings_find(&s, "v", "");
	assert_true(row->file == 3 && row->line == 2);
	assert_int_equal(settings_find(&s, "v", "ten")->file, 2);
	assert_int_equal(settings_find(&s, "v", "twenty")->file, 3);
	settings_free(&s);
	assert_int_equal(s.n_files, 0);
}

static void whole_paths(void **state)
{
	struct settings s;
	char text[256];

	(void)state;
	/* From the root, and beside the file when it has no directory. */
	snprintf(text, sizeof text, "include: ['%s/b/*.yaml']\n", place);
	write_file("townmeter.yaml", text);
	snprintf(text, sizeof text, "%s/b", place);
	assert_int_equal(mkdir(text, 0700), 0);
	snprintf(text, sizeof text, "%s/b/x.yaml", place);
	FILE *file = fopen(text, "we");
	assert_non_null(file);
	fprintf(file, "towns: [{name: x}]\n");
	fclose(file);
	assert_int_equal(read_files(&s), 0);
	assert_int_equal(s.n_files, 2);
	assert_string_equal(s.files[1], text);
	assert_non_null(settings_find(&s, "x", ""));
	settings_free(&s);
	write_file("townmeter.yaml", "include: [b.yaml]\n");
	write_file("b.yaml", "towns: [{name: b}]\n");
	char before[512];
	assert_non_null(getcwd(before, sizeof before));
	assert_int_equal(chdir(directory), 0);
	settings_defaults(&s);
	assert_int_equal(settings_read(&s, "townmeter.yaml", tell), 0);
	assert_int_equal(chdir(before), 0);
	assert_string_equal(s.files[1], "b.yaml");
	settings_free(&s);
}

static void bad_includes(void **state)
{
	(void)state;
	write_file("townmeter.yaml", "include: c.yaml\n");
	expect_files("F/townmeter.yaml:1: include is 'c.yaml', expected a list such as [customers.d/*.yaml]\n");
	write_file("townmeter.yaml", "include:\n- none.yaml\n- [a]\n- ''\n- \"a\\0\"\n- none*.yaml\n");
	expect_files("F/townmeter.yaml:2: include has 'none.yaml', which is not there, expected a file\n"
		     "F/townmeter.yaml:3: include has 'a list', expected a file or a pattern such as customers.d/*.yaml\n"
		     "F/townmeter.yaml:4: include has '', expected a file or a pattern such as customers.d/*.yaml\n"
		     "F/townmeter.yaml:5: include has 'a', expected a file or a pattern such as customers.d/*.yaml\n");
	/* Not files, or none that is there. */
	make_directory("dir.yaml");
	char path[256];
	snprintf(path, sizeof path, "%s/gone.yaml", directory);
	assert_int_equal(symlink("nothing", path), 0);
	snprintf(path, sizeof path, "%s/loop", directory);
	assert_int_equal(symlink("loop", path), 0);
	write_file("townmeter.yaml", "include: [dir.yaml,\n 'gone*.yaml',\n loop/*.yaml]\n");
	expect_files("F/townmeter.yaml:1: include has 'dir.yaml', but F/dir.yaml is no file that can be read, expected one\n"
		     "F/townmeter.yaml:2: include has 'gone*.yaml', but F/gone.yaml is no file that can be read, expected one\n"
		     "F/townmeter.yaml:3: include has 'loop/*.yaml', expected a directory that can be read\n");
}

static void twice(void **state)
{
	char path[256], other[256];

	(void)state;
	write_file("a.yaml", "towns: [{name: a}]\n");
	write_file("townmeter.yaml", "include:\n- a.yaml\n- '*.yaml'\n- ./a.yaml\n");
	expect_files("F/townmeter.yaml:3: include has '*.yaml', which would read F/a.yaml a second time, after 'a.yaml' at "
		     "F/townmeter.yaml:2\n"
		     "F/townmeter.yaml:3: include has '*.yaml', which would read F/townmeter.yaml itself a second time\n"
		     "F/townmeter.yaml:4: include has './a.yaml', which would read F/./a.yaml a second time, after 'a.yaml' at "
		     "F/townmeter.yaml:2\n");
	/* By another name, too. */
	snprintf(path, sizeof path, "%s/b.yaml", directory);
	assert_int_equal(symlink("a.yaml", path), 0);
	snprintf(other, sizeof other, "%s/c.yaml", directory);
	assert_int_equal(link(path, other), 0);
	write_file("townmeter.yaml", "include: [a.yaml,\n b.yaml]\n");
	expect_files("F/townmeter.yaml:2: include has 'b.yaml', which would read F/b.yaml a second time, after 'a.yaml' at "
		     "F/townmeter.yaml:1\n");
}

static void bad_files(void **state)
{
	(void)state;
	write_file("townmeter.yaml", "include: [a.yaml, b.yaml]\nrules: managed\n"
				     "towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n");
	/* Nothing but towns. */
	write_file("a.yaml", "interval: 3s\nrules: standing\ninclude: [b.yaml]\nservices: []\ncolour: red\n");
	write_file("b.yaml", "[]\n");
	expect_files("F/a.yaml:1: 'interval' is a key of the first file alone, expected only 'towns' in one that is included\n"
		     "F/a.yaml:2: 'rules' is a key of the first file alone, expected only 'towns' in one that is included\n"
		     "F/a.yaml:3: 'include' is a key of the first file alone, expected only 'towns' in one that is included\n"
		     "F/a.yaml:4: 'services' is a key of the first file alone, expected only 'towns' in one that is included\n"
		     "F/a.yaml:5: 'colour' is not a key of an included file, expected towns\n"
		     "F/b.yaml:1: found 'a list', expected keys with values, such as 'towns: [{name: town-a}]'\n");
	/* The rules of the first file hold. */
	write_file("a.yaml", "towns:\n- {name: DROP, prefixes: [10.2.0.0/24]}\n- name: u\n");
	write_file("b.yaml", "towns:\n- {name: t, hosts: [{name: a}]}\n");
	expect_files("F/a.yaml:2: the name of a town is 'DROP', the name of a target of iptables, expected another\n"
		     "F/b.yaml:2: the host t/a has no prefixes, expected at least one with 'rules: managed'\n"
		     "F/a.yaml:3: the town u has no prefixes, expected at least one with 'rules: managed'\n");
	/* What may be in a file that can not be read is not missed. */
	write_file("a.yaml", "towns:\n- [\n");
	write_file("b.yaml", "towns:\n- {name: u, hosts: [{name: a, prefixes: [10.7.0.1]}]}\n");
	expect_files("F/a.yaml:3: not YAML: did not find expected node content\n");
	write_file("a.yaml", "towns: []\n---\ntowns: []\n");
	write_file("b.yaml", "");
	expect_files("F/a.yaml:3: a second document begins here, expected one in the file\n");
}

static void between_files(void **state)
{
	(void)state;
	write_file("townmeter.yaml", "include: [a.yaml, b.yaml, c.yaml]\n"
				     "towns:\n- {name: t, prefixes: [10.1.0.0/24],\n   hosts: [{name: a, prefixes: [10.1.0.1]}]}\n");
	write_file("a.yaml", "towns:\n- {name: t, hosts: [{name: b, prefixes: [10.1.0.1]}, {name: c, prefixes: [10.9.0.1]}]}\n");
	write_file("b.yaml", "towns:\n\n- {name: t, hosts: [{name: a, prefixes: [10.1.0.2]}]}\n- {name: u, prefixes: [10.1.0.0/16]}\n");
	write_file("c.yaml", "towns:\n- {name: w}\n");
	expect_files("F/b.yaml:3: the host t/a stands here a second time, after F/townmeter.yaml:4\n"
		     "F/b.yaml:4: 10.1.0.0/16 of u overlaps with 10.1.0.0/24 of t at F/townmeter.yaml:3, expected each address "
		     "in one town\n"
		     "F/a.yaml:2: 10.1.0.1 of t/b is 10.1.0.1 of t/a at F/townmeter.yaml:4, expected each address in one host\n"
		     "F/a.yaml:2: 10.9.0.1 of t/c is not in its town, expected it in 10.1.0.0/24 at F/townmeter.yaml:3\n");
	/* What a town has once it has in one file; and the file that has it is told. */
	write_file("townmeter.yaml", "include: [a.yaml, b.yaml, c.yaml]\ntowns:\n- {name: t, quota: 1GB}\n");
	write_file("a.yaml", "towns:\n- {name: t, prefixes: [10.1.0.0/24]}\n");
	write_file("b.yaml", "towns:\n- {name: t, quota: 2GB}\n");
	write_file("c.yaml", "towns:\n- {name: t, prefixes: [10.2.0.0/24],\n   quota: x}\n- {name: t}\n");
	expect_files("F/c.yaml:3: quota is 'x', expected a size such as 50GB, 500MB or 1.5TB, or none\n"
		     "F/b.yaml:2: the town t has 'quota' a second time, after F/townmeter.yaml:3\n"
		     "F/c.yaml:2: the town t has 'prefixes' a second time, after F/a.yaml:2\n"
		     "F/c.yaml:2: the town t has 'quota' a second time, after F/b.yaml:2\n"
		     "F/c.yaml:4: the town t stands here a second time, after F/c.yaml:2\n");
}

/* As a billing system writes them. */
static void many_files(void **state)
{
	enum { FILES = 64, HOSTS = 128 };
	static char text[65536];
	struct settings s;
	char name[32];

	(void)state;
	write_file("townmeter.yaml", "include: ['*/*.yaml']\nrules: managed\ntowns:\n- {name: t, prefixes: [10.1.0.0/16]}\n");
	make_directory("many");
	for (int f = 0; f < FILES; f++) {
		char *at = text + sprintf(text, "towns:\n- name: t\n  hosts:\n");
		for (int h = 0; h < HOSTS; h++)
			at += sprintf(at, "  - {name: host-%d-%d, prefixes: [10.1.%d.%d], quota: %dMB}\n", f, h, f, h,
				      1 + f * HOSTS + h);
		snprintf(name, sizeof name, "many/%d.yaml", f);
		write_file(name, text);
	}
	assert_int_equal(read_files(&s), 0);
	assert_int_equal(s.n_files, FILES + 1);
	assert_int_equal(s.n_rows, FILES * HOSTS + 1);
	for (int f = 0; f < FILES; f++)
		for (int h = 0; h < HOSTS; h++) {
			snprintf(name, sizeof name, "host-%d-%d", f, h);
			const struct settings_row *row = settings_find(&s, "t", name);
			assert_non_null(row);
			assert_int_equal(row->quota.megabytes, 1 + f * HOSTS + h);
			const struct prefix *prefix = &s.prefixes[row->first_prefix].prefix;
			assert_true(row->n_prefixes == 1 && prefix->addr[2] == f && prefix->addr[3] == h);
		}
	settings_free(&s);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(good_files), TEST(whole_paths), TEST(bad_includes), TEST(twice),
					   TEST(bad_files), TEST(between_files), TEST(many_files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
