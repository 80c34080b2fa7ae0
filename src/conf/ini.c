#include "conf/ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Debian keeps the header in a directory of its own, others do not. */
#if __has_include(<iniparser/iniparser.h>)
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#include "conf/option.h"
#include "sys/file.h"
#include "util/buf.h"
#include "util/utf8.h"
#include "util/xalloc.h"

/* Where the strict pass is. */
struct pass {
	struct ini *ini;
	const char *file;
	unsigned line;
	struct str key;		/* empty: none yet on this line */
};

/* Say what is wrong, with file, line, section and key in front. */
static int fails(const struct pass *p, const char *why, struct error *err)
{
	struct buf at;

	buf_init(&at, 300);
	if (p->ini->n_section) {
		buf_addz(&at, ", [");
		utf8_escape(&at, p->ini->section[p->ini->n_section - 1].name);
		buf_addch(&at, ']');
	}
	if (p->key.n) {
		buf_addz(&at, ", '");
		utf8_escape(&at, p->key);
		buf_addch(&at, '\'');
	}
	error_set(err, ERROR_CONFIG, "'%s' line %u%s: %s", p->file, p->line,
		  buf_cstr(&at), why);
	buf_release(&at);
	return -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Array growth: room for one more of n. */
static void *grown(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	return xrealloc(array, n ? n * 2 : 1, size);
}

/* "[account  work]" and "[Account work]" are one section. */
static bool same_name(struct str a, struct str b)
{
	while (a.n && b.n) {
		if (is_blank(*a.p) && is_blank(*b.p)) {
			a = str_trim(a);
			b = str_trim(b);
			continue;
		}
		if (ascii_lower(*a.p) != ascii_lower(*b.p))
			return false;
		a.p++, a.n--;
		b.p++, b.n--;
	}
	return !a.n && !b.n;
}

static bool has_free_keys(struct str name)
{
	return str_caseeq(name, STR("aliases")) ||
	       str_caseeq(name, STR("rewrite"));
}

static int section_line(struct pass *p, struct str s, struct error *err)
{
	struct ini *ini = p->ini;
	const char *end = memchr(s.p, ']', s.n);
	struct str name;

	if (!end)
		return fails(p, "a section's name has no closing ']'", err);
	if (end != s.p + s.n - 1)
		return fails(p, "something follows the section's ']': a "
			     "comment needs a line of its own here", err);
	name = str_trim((struct str){ s.p + 1, s.n - 2 });
	if (!name.n)
		return fails(p, "a section's name is empty", err);
	if (name.n > INI_NAME_MAX)
		return fails(p, "a section's name is too long", err);
	/* iniparser joins section and key by a colon. */
	if (memchr(name.p, ':', name.n) || memchr(name.p, '[', name.n))
		return fails(p, "a section's name may have no ':' or '['", err);
	for (size_t i = 0; i < ini->n_section; i++)
		if (same_name(ini->section[i].name, name)) {
			char why[80];

			snprintf(why, sizeof(why), "the section that begins "
				 "here is there already, in line %u",
				 ini->section[i].line);
			return fails(p, why, err);
		}
	if (ini->n_section == INI_SECTION_MAX)
		return fails(p, "too many sections", err);
	ini->section = grown(ini->section, ini->n_section,
			     sizeof(*ini->section));
	ini->section[ini->n_section++] = (struct ini_section){
		.name = name, .line = p->line, .first = ini->n_entry,
		.free_keys = has_free_keys(name),
	};
	return 0;
}

static bool is_key_char(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* Of an address: atoms, dots, "@"; what INI gives a meaning to stays out. */
static bool is_free_char(char c)
{
	return is_key_char(c) || c & 0x80 || (c && strchr(".@*!$%&'+/?^`{|}~",
							  c));
}

static bool same_key(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		char x = a.p[i] == '-' ? '_' : ascii_lower(a.p[i]);
		char y = b.p[i] == '-' ? '_' : ascii_lower(b.p[i]);

		if (x != y)
			return false;
	}
	return true;
}

/* Nothing but blanks and a comment may follow a closing quote. */
static bool is_tail(struct str s)
{
	struct str rest = str_trim(s);

	if (!rest.n)
		return true;
	return is_blank(*s.p) && (*rest.p == ';' || *rest.p == '#');
}

static int quoted_value(struct pass *p, struct str *v, struct error *err)
{
	char quote = *v->p;
	struct str in = { v->p + 1, v->n - 1 };
	const char *end = memchr(in.p, quote, in.n);
	struct str tail;

	if (!end)
		return fails(p, "the quote that begins the value is not "
			     "closed: a value with a quote in front goes into "
			     "quotes of the other kind", err);
	in.n = (size_t)(end - in.p);
	tail = (struct str){ end + 1, v->n - in.n - 2 };
	if (!is_tail(tail))
		return fails(p, "something follows the closing quote: put the "
			     "whole value into quotes of the other kind", err);
	*v = in;
	return 0;
}

static bool in_free(const struct pass *p)
{
	const struct ini *ini = p->ini;

	return ini->n_section && ini->section[ini->n_section - 1].free_keys;
}

/* Take the comment off an unquoted value, and refuse what would be one. */
static int plain_value(struct pass *p, struct str *v, struct error *err)
{
	const struct option *o = in_free(p) ? NULL : option_find(p->key);
	bool secret = o && (o->flags & OPTION_SECRET);

	for (size_t i = 0; i < v->n; i++) {
		if (v->p[i] != ';' && v->p[i] != '#')
			continue;
		if (secret)
			return fails(p, "a ';' or '#' in a secret is either "
				     "part of it or a comment: put the secret "
				     "into quotes", err);
		if (i && !is_blank(v->p[i - 1]))
			return fails(p, "the value would end before its ';' "
				     "or '#': put it into quotes, or a blank "
				     "before a comment", err);
		v->n = i;
	}
	*v = str_trim(*v);
	return 0;
}

static int add_entry(struct pass *p, struct str value, struct error *err)
{
	struct ini *ini = p->ini;
	struct ini_section *s = &ini->section[ini->n_section - 1];
	bool (*same)(struct str, struct str) = s->free_keys ? str_caseeq :
		same_key;

	for (size_t i = 0; i < s->n; i++)
		if (same(ini->entry[s->first + i].key, p->key)) {
			char why[80];

			snprintf(why, sizeof(why), "is set twice, first in "
				 "line %u", ini->entry[s->first + i].line);
			return fails(p, why, err);
		}
	if (s->n == (s->free_keys ? INI_FREE_MAX : INI_KEY_MAX))
		return fails(p, "too many settings in a section", err);
	ini->entry = grown(ini->entry, ini->n_entry, sizeof(*ini->entry));
	ini->entry[ini->n_entry++] = (struct ini_entry){ p->key, value,
							 p->line };
	s->n++;
	return 0;
}

static int entry_line(struct pass *p, struct str s, struct error *err)
{
	bool has_equals = memchr(s.p, '=', s.n);
	struct str key = str_trim(str_cut(&s, '='));
	struct str value = str_trim(s);
	size_t i = 0;

	while (i < key.n && (in_free(p) ? is_free_char(key.p[i]) :
			     is_key_char(key.p[i])))
		i++;
	if (!has_equals)
		return fails(p, "neither '[section]' nor 'key = value'", err);
	if (!key.n || i < key.n)
		return fails(p, in_free(p) ? "what stands before '=' is not an "
			     "address or a part of one" : "what stands before "
			     "'=' is not the name of a setting", err);
	p->key = key;
	if (!p->ini->n_section)
		return fails(p, "a setting before the first section", err);
	if (key.n > INI_NAME_MAX)
		return fails(p, "the setting's name is too long", err);
	/* A comment begins after a blank, and there is none. */
	if (s.n && (*s.p == ';' || *s.p == '#'))
		return fails(p, "the value begins with a ';' or '#': put it "
			     "into quotes, or a blank before a comment", err);
	if (value.n && (*value.p == '"' || *value.p == '\'')) {
		if (quoted_value(p, &value, err))
			return -1;
	} else if (plain_value(p, &value, err)) {
		return -1;
	}
	return add_entry(p, value, err);
}

/* What iniparser would choke on, whatever the line says. */
static int check_octets(struct pass *p, struct str s, size_t raw,
			struct error *err)
{
	if (raw > INI_LINE_MAX)
		return fails(p, "the line is longer than 1022 octets", err);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\t' &&
		    str_has_ctl((struct str){ s.p + i, 1 })) {
			char why[60];

			snprintf(why, sizeof(why), "the line has a control "
				 "byte (0x%02x) in it", (unsigned char)s.p[i]);
			return fails(p, why, err);
		}
	s = str_trim(s);
	if (s.n && s.p[s.n - 1] == '\\')
		return fails(p, "the line ends with a backslash, which would "
			     "join it with the next", err);
	return 0;
}

static int one_line(struct pass *p, struct str raw, struct error *err)
{
	struct str s = raw;

	p->key = STR("");
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	if (check_octets(p, s, raw.n, err))
		return -1;
	s = str_trim(s);
	if (!s.n || *s.p == ';' || *s.p == '#')
		return 0;
	return *s.p == '[' ? section_line(p, s, err) : entry_line(p, s, err);
}

int ini_check(struct ini *ini, struct str text, const char *file,
	      struct error *err)
{
	struct pass p = { .ini = ini, .file = file, .line = 0 };

	*ini = (struct ini){ 0 };
	if (str_starts(text, STR("\xef\xbb\xbf")) ||
	    str_starts(text, STR("\xff\xfe")) ||
	    str_starts(text, STR("\xfe\xff"))) {
		p.line = 1;
		return fails(&p, "the file begins with a byte order mark: save "
			     "it as UTF-8 without one", err);
	}
	while (text.n) {
		p.line++;
		if (one_line(&p, str_cut(&text, '\n'), err))
			return -1;
	}
	return 0;
}

void ini_release(struct ini *ini)
{
	free(ini->section);
	free(ini->entry);
	*ini = (struct ini){ 0 };
}

/* iniparser would print on stderr; what it objects to shows in its result. */
static int say_nothing(const char *format, ...)
{
	(void)format;
	return 0;
}

/* Its dictionary has our secrets in it. */
static void dictionary_wipe(dictionary *d)
{
	for (ssize_t i = 0; i < d->size; i++)
		if (d->key[i] && d->val[i])
			wipe(d->val[i], strlen(d->val[i]));
	iniparser_freedict(d);
}

static int compare(const struct ini *ini, const dictionary *d,
		   const char *file, struct error *err)
{
	struct pass p = { .ini = &(struct ini){ 0 }, .file = file };
	char name[2 * INI_NAME_MAX + 4];

	for (size_t s = 0; s < ini->n_section; s++) {
		const struct ini_section *sec = &ini->section[s];

		for (size_t i = 0; i < sec->n; i++) {
			const struct ini_entry *e = &ini->entry[sec->first + i];
			const char *got;

			snprintf(name, sizeof(name), "%.*s:%.*s",
				 (int)sec->name.n, sec->name.p,
				 (int)e->key.n, e->key.p);
			got = iniparser_getstring(d, name, NULL);
			p.line = e->line;
			p.key = e->key;
			if (!got || !str_eq(str_of(got), e->value))
				return fails(&p, "iniparser reads another "
					     "value than is written: use other "
					     "quotes, or none", err);
		}
	}
	return 0;
}

/* May it have a password in it? */
static bool is_private(struct str key)
{
	const struct option *o = option_find(key);

	return o && (o->flags & OPTION_SECRET || o->is_secret);
}

/*
 * The text that iniparser gets: it leaves copies behind, in its own buffers
 * and in stdio's, so in place of each secret there are as many x.
 */
static void hide_secrets(const struct ini *ini, struct str text,
			 struct buf *shown)
{
	char *copy = buf_room(shown, text.n);

	memcpy(copy, text.p, text.n);
	buf_grew(shown, text.n);
	for (size_t s = 0; s < ini->n_section; s++) {
		const struct ini_section *sec = &ini->section[s];

		for (size_t i = 0; i < sec->n && !sec->free_keys; i++) {
			const struct ini_entry *e = &ini->entry[sec->first + i];

			if (e->value.n && is_private(e->key))
				memset(copy + (e->value.p - text.p), 'x',
				       e->value.n);
		}
	}
}

/* Let iniparser read text; NULL if there are no files in memory. */
static dictionary *read_text(struct str text)
{
	char path[FILE_MEMORY_PATH];
	dictionary *d;
	int fd = file_in_memory(text, path);

	if (fd < 0)
		return NULL;
	d = iniparser_load(path);
	close(fd);
	return d;
}

/* Is what iniparser makes of given, a text of the file's, what we make of it? */
static int confirm(struct str given, const dictionary *d, const char *file,
		   struct error *err)
{
	struct ini ini;
	int ret = ini_check(&ini, given, file, err);

	if (!ret)
		ret = compare(&ini, d, file, err);
	ini_release(&ini);
	return ret;
}

int ini_load(struct ini *ini, struct str text, const char *file,
	     struct error *err)
{
	struct buf shown;
	dictionary *d;
	int ret;

	if (ini_check(ini, text, file, err))
		return -1;
	iniparser_set_error_callback(say_nothing);
	buf_init(&shown, text.n);
	hide_secrets(ini, text, &shown);
	d = read_text(buf_str(&shown));
	if (d) {
		ret = confirm(buf_str(&shown), d, file, err);
	} else {
		/* No /proc: the file itself, and this sees if it has changed. */
		d = iniparser_load(file);
		ret = d ? confirm(text, d, file, err) :
			error_set(err, ERROR_CONFIG, "'%s': iniparser cannot "
				  "read it", file);
	}
	if (d)
		dictionary_wipe(d);
	buf_wipe(&shown);	/* a comment may have what was a secret once */
	buf_release(&shown);
	return ret;
}
