#include "cmd/flag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void rows_are_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < flag_count(); i++) {
		const struct flag *f = flag_at(i);
		const char *name = f->word ? f->word : &f->letter;

		if ((!f->letter && !f->word) || !f->help || !f->value ||
		    !f->letter != !f->faces || (!f->apply && (!f->at ||
		     f->arg != ARG_REQUIRED)) || (f->repeated && f->apply))
			fail_msg("row %zu (%.1s)", i, name);
		if (f->group == GROUP_HIDDEN)
			continue;
		/* "[X]" is what may be attached. */
		if (!*f->help || (*f->value && *f->value != '[' ?
				  f->arg != ARG_REQUIRED :
				  f->arg == ARG_REQUIRED) ||
		    (*f->value == '[' && f->arg != ARG_ATTACHED) ||
		    strchr(f->help, '\n') || str_has_8bit(str_of(f->help)))
			fail_msg("row %zu (%.1s): help", i, name);
	}
}

/* One letter means one thing under each name, one word one thing. */
static void rows_are_distinct(void **state)
{
	(void)state;
	for (size_t i = 0; i < flag_count(); i++)
		for (size_t k = 0; k < i; k++) {
			const struct flag *a = flag_at(i), *b = flag_at(k);

			if ((a->letter && a->letter == b->letter &&
			     a->faces & b->faces) || (a->word && b->word &&
			     !strcmp(a->word, b->word)))
				fail_msg("rows %zu and %zu (-%c)", k, i,
					 a->letter);
		}
}

/* CALLERS s1: letters that callers of sendmail use, and what takes a value. */
static void letters_of_sendmail(void **state)
{
	static const char required[] = "ABbCDeFfhLMNOopRrVX";
	static const char attached[] = "dqQ";
	static const char none[] = "cEGIiJmnsTtUvx";

	(void)state;
	for (int c = '!'; c < 127; c++) {
		const struct flag *found = NULL;
		enum flag_arg want = strchr(required, c) ? ARG_REQUIRED :
			strchr(attached, c) ? ARG_ATTACHED : ARG_NONE;

		for (size_t i = 0; i < flag_count(); i++)
			if (flag_at(i)->letter == c &&
			    flag_at(i)->faces & IN_SENDMAIL)
				found = flag_at(i);
		if (!found != (want == ARG_NONE && !strchr(none, c)) ||
		    (found && found->arg != want))
			fail_msg("-%c", c);
	}
}

static void by_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < flag_count(); i++)
		if (flag_at(i)->word)
			assert_ptr_equal(flag_word(flag_at(i)->word),
					 flag_at(i));
	assert_null(flag_word(""));
	assert_null(flag_word("fro"));
	assert_null(flag_word("fromm"));
	assert_null(flag_word("FROM"));
}

static void settings_as_options(void **state)
{
	static const struct { const char *key, *word; } rows[] = {
		{ "host", "host" }, { "tls_trust", "tls-trust" },
		{ "password_command", "password-command" },
		{ "all_or_nothing", "all-or-nothing" },
		{ "password", "password" },	/* keyring or prompt */
		{ "client_secret", NULL },	/* a secret */
		{ "mailname", NULL },		/* not of an account */
		{ "from", NULL },		/* -f has that word */
		{ "from_name", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct option *o = option_find(str_of(rows[i].key));
		struct buf word;

		assert_non_null(o);
		buf_init(&word, 100);
		flag_option_word(&word, o);
		if (flag_is_option(o) != (rows[i].word != NULL) ||
		    (rows[i].word && strcmp(buf_cstr(&word), rows[i].word)))
			fail_msg("%s: '%s'", rows[i].key, buf_cstr(&word));
		buf_release(&word);
	}
}

static void must_say(const char *help, const char *what)
{
	if (!strstr(help, what))
		fail_msg("help does not say '%s'", what);
}

static void help_has_everything(void **state)
{
	struct buf out, name;
	struct str rest;

	(void)state;
	buf_init(&out, 1 << 20);
	buf_init(&name, 100);
	flag_help(&out);
	assert_false(out.over);
	for (size_t i = 0; i < flag_count(); i++) {
		const struct flag *f = flag_at(i);

		buf_reset(&name);
		if (f->group == GROUP_HIDDEN)
			continue;
		if (f->letter)
			buf_addf(&name, "\n  -%c%s%s", f->letter,
				 f->word ? ", --" : "", f->word ? f->word : "");
		else
			buf_addf(&name, "\n      --%s", f->word);
		must_say(buf_cstr(&out), buf_cstr(&name));
		must_say(buf_cstr(&out), f->help);
	}
	for (size_t i = 0; i < option_count(); i++) {
		if (!flag_is_option(option_at(i)))
			continue;
		buf_reset(&name);
		buf_addz(&name, "\n      --");
		flag_option_word(&name, option_at(i));
		must_say(buf_cstr(&out), buf_cstr(&name));
		must_say(buf_cstr(&out), option_at(i)->help);
	}
	must_say(buf_cstr(&out), "\n      --strict[=YES|NO] ");
	must_say(buf_cstr(&out), "\n  -o XVALUE ");
	must_say(buf_cstr(&out), "\n      --password=keyring|prompt ");
	assert_null(strstr(buf_cstr(&out), "--list-options"));
	for (rest = buf_str(&out); rest.n;) {
		struct str line = str_cut(&rest, '\n');

		if (line.n > 100 || str_has_ctl(line) ||
		    (line.n && line.p[line.n - 1] == ' '))
			fail_msg("help: '%.*s'", (int)line.n, line.p);
	}
	buf_release(&out);
	buf_release(&name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_whole),
		cmocka_unit_test(rows_are_distinct),
		cmocka_unit_test(letters_of_sendmail),
		cmocka_unit_test(by_word),
		cmocka_unit_test(settings_as_options),
		cmocka_unit_test(help_has_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
