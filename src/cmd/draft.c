#include "cmd/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/front.h"
#include "mail/mimetype.h"
#include "sys/charset.h"
#include "sys/entropy.h"
#include "sys/file.h"
#include "util/utf8.h"
#include "util/xalloc.h"

enum {
	UNIQUE_OCTETS = 12,
	TYPES_MAX = 1 << 20,		/* octets of mime.types read */
	SCAN_AT_ONCE = 1 << 20,		/* octets a file may have for that */
	HTML_MEMORY = 4 << 20,		/* octets of HTML kept in memory */
	ARG_MAX_OCTETS = 1 << 20
};

/* A file argument taken apart: FILE[;type=T][;name=N][;cid=ID]. */
struct file_arg {
	const char *path, *type, *name, *cid;	/* "" when absent */
};

void draft_init(struct draft *d)
{
	*d = (struct draft){ .n_part = 0 };
	buf_init(&d->unique, 64);
	buf_init(&d->mime_types, TYPES_MAX);
}

void draft_release(struct draft *d)
{
	for (size_t i = 0; i < d->n_part; i++)
		content_release(&d->content[i]);
	for (size_t i = 0; i < d->n_text; i++)
		free(d->text[i]);
	free(d->content);
	free(d->part);
	free(d->header);
	free(d->text);
	buf_release(&d->message.head);
	buf_release(&d->binary.head);
	if (d->made)
		composed_release(&d->plain_form);
	if (d->made_binary)
		composed_release(&d->binary_form);
	buf_release(&d->unique);
	buf_release(&d->mime_types);
}

/* Text that lives as long as the draft. */
static const char *keep(struct draft *d, char *owned)
{
	d->text = xrealloc(d->text, d->n_text + 1, sizeof(*d->text));
	d->text[d->n_text++] = owned;
	return owned;
}

/* An argument as UTF-8, whatever the locale; `what` is for errors. */
static int argument(struct draft *d, const char *arg, const char *what,
		    struct str *out, struct error *err)
{
	struct charset *set;
	struct buf text;
	int r;

	*out = str_of(arg ? arg : "");
	if (utf8_valid(*out))
		return 0;
	set = charset_open(charset_of_locale(), err);
	if (!set)
		return -1;
	buf_init(&text, ARG_MAX_OCTETS);
	r = charset_feed(set, *out, true, &text, err);
	if (r)
		error_set(err, ERROR_DATA, "%s is not valid %s", what,
			  charset_of_locale());
	else
		*out = str_of(keep(d, xstrdup(buf_cstr(&text))));
	charset_close(set);
	buf_release(&text);
	return r;
}

/* Repeated address options are one list. */
static int join(struct draft *d, const struct list *list, const char *what,
		struct str *out, struct error *err)
{
	struct buf all;
	struct str one;
	int r = 0;

	buf_init(&all, ARG_MAX_OCTETS);
	for (size_t i = 0; i < list->n && !r; i++) {
		r = argument(d, list->item[i], what, &one, err);
		if (i)
			buf_addz(&all, ", ");
		buf_add(&all, r ? STR("") : one);
	}
	*out = all.len ? str_of(keep(d, xstrdup(buf_cstr(&all)))) : STR("");
	if (!r && all.over)
		r = error_set(err, ERROR_DATA, "%s: the list is too long", what);
	buf_release(&all);
	return r;
}

static int take_fields(struct draft *d, const struct request *r,
		       struct error *err)
{
	const struct compose_args *a = &r->compose;
	struct compose *c = &d->compose;
	struct list rest = { (const char **)r->recipients, r->n_recipients };

	if (argument(d, a->subject, "--subject", &c->subject, err) ||
	    argument(d, a->in_reply_to, "--in-reply-to", &c->in_reply_to, err) ||
	    join(d, a->to.n ? &a->to : &rest, "--to", &c->to, err) ||
	    join(d, &a->cc, "--cc", &c->cc, err) ||
	    join(d, &a->reply_to, "--reply-to", &c->reply_to, err))
		return -1;
	d->header = xcalloc(a->header.n + 1, sizeof(*d->header));
	for (size_t i = 0; i < a->header.n; i++)
		if (argument(d, a->header.item[i], "--header", &d->header[i],
			     err))
			return -1;
	c->header = d->header;
	c->n_header = a->header.n;
	return 0;
}

/* Where the next ";key=" begins; the end of text if there is none. */
static char *next_param(char *p)
{
	for (; *p; p++)
		if (!strncmp(p, ";type=", 6) || !strncmp(p, ";name=", 6) ||
		    !strncmp(p, ";cid=", 5))
			return p;
	return p;
}

static void split_file(struct draft *d, const char *arg, struct file_arg *f)
{
	struct stat st;
	char *p = xstrdup(arg);

	*f = (struct file_arg){ keep(d, p), "", "", "" };
	if (!stat(arg, &st))
		return;		/* a file of the whole name, ";" and all */
	p = next_param(p);
	while (*p) {
		char *key = p + 1;
		char *value = strchr(key, '=') + 1;

		*p = '\0';
		p = next_param(value);
		if (*key == 't')
			f->type = value;
		else if (*key == 'n')
			f->name = value;
		else
			f->cid = value;
	}
}

static struct part *add_part(struct draft *d, enum part_role role)
{
	size_t n = d->n_part++;

	content_init(&d->content[n]);
	part_init(&d->part[n], role);
	return &d->part[n];
}

static int open_file(const char *path, const char *option, struct error *err)
{
	struct stat st;
	int fd;

	if (!*path)
		return error_set(err, ERROR_INPUT, "%s: the file's name is "
				 "empty", option);
	if (!strcmp(path, "-"))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(err, ERROR_INPUT, "%s: cannot open '%s': %s",
				 option, path, strerror(errno));
	if (!fstat(fd, &st) && S_ISDIR(st.st_mode)) {
		close(fd);
		return error_set(err, ERROR_INPUT, "%s: '%s' is a directory",
				 option, path);
	}
	return fd;
}

/* Do we need to look into it before we know how it goes out? */
static bool scan_now(const struct draft *d, const struct part *p,
		     const struct content *c)
{
	struct str type = p->type.n ? p->type :
		mimetype_by_name(p->name, d->compose.mime_types);

	return c->fd < 0 || c->len <= SCAN_AT_ONCE || !type.n ||
		str_casestarts(type, STR("message/"));
}

static int check_limit(const struct account *a, const char *path, uint64_t len,
		       struct error *err)
{
	if (!a->max_attachment_size || len <= a->max_attachment_size)
		return 0;
	return error_set(err, ERROR_DATA, "'%s' is %llu octets and "
			 "max_attachment_size is %llu", path,
			 (unsigned long long)len, a->max_attachment_size);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!strcmp(path, "-"))
		return "stdin";
	return slash ? slash + 1 : path;
}

static int add_file(struct draft *d, enum part_role role, const char *arg,
		    const struct account *a, struct error *err)
{
	const char *option = role == PART_INLINE ? "--inline" : "--attach";
	struct content *c = &d->content[d->n_part];
	struct part *p = add_part(d, role);
	struct file_arg f;
	int fd;

	split_file(d, arg, &f);
	fd = open_file(f.path, option, err);
	if (fd < 0 || content_file(c, fd, f.path, err) ||
	    check_limit(a, f.path, c->len, err) ||
	    argument(d, *f.name ? f.name : base_name(f.path), option,
		     &p->name, err) ||
	    argument(d, f.type, option, &p->type, err) ||
	    argument(d, f.cid, option, &p->cid, err))
		return -1;
	if (scan_now(d, p, c) && content_scan(c, buf_cstr(&d->unique), err))
		return error_wrap(err, "%s", f.path);
	content_fill(c, p);
	return 0;
}

static int add_text(struct draft *d, enum part_role role, const char *path,
		    const char *option, struct error *err)
{
	struct content *c = &d->content[d->n_part];
	struct part *p = add_part(d, role);
	int fd = open_file(path, option, err);
	int r;

	if (fd < 0)
		return -1;
	/* References of the HTML are looked at, and it is seldom large. */
	if (role == PART_HTML)
		c->keep = HTML_MEMORY;
	r = content_text(c, fd, fd ? path : "standard input", d->charset,
			 buf_cstr(&d->unique), err);
	if (fd > 2)
		close(fd);
	content_fill(c, p);
	return r;
}

static unsigned attaches_stdin(const struct list *list)
{
	unsigned n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += !strcmp(list->item[i], "-") ||
			!strncmp(list->item[i], "-;", 2);
	return n;
}

/* Which of the parts is standard input?  At most one can be. */
static int check_stdin(const struct request *r, bool *is_text,
		       struct error *err)
{
	const struct compose_args *a = &r->compose;
	unsigned n = attaches_stdin(&a->attach) + attaches_stdin(&a->inlined) +
		(a->text && !strcmp(a->text, "-")) +
		(a->html && !strcmp(a->html, "-")) +
		(a->calendar && !strcmp(a->calendar, "-"));

	*is_text = !n && !a->text;
	if (n > 1)
		return error_set(err, ERROR_USAGE, "standard input can be only "
				 "one of the text and the attachments");
	if ((n || *is_text) && r->stdin_closed)
		return error_set(err, ERROR_INPUT, "standard input is closed");
	return 0;
}

static int add_texts(struct draft *d, const struct request *r,
		     struct error *err)
{
	const struct compose_args *a = &r->compose;
	bool is_text;

	if (check_stdin(r, &is_text, err))
		return -1;
	if (is_text && isatty(0))
		say(r, "type the text and end with Ctrl-D");
	if ((is_text || a->text) &&
	    add_text(d, PART_TEXT, is_text ? "-" : a->text, "--text", err))
		return -1;
	/* Nothing on stdin beside other content is no text at all. */
	if (is_text && !d->content[0].len &&
	    (a->html || a->calendar || a->attach.n)) {
		content_release(&d->content[0]);
		d->n_part = 0;
	}
	if (a->html && add_text(d, PART_HTML, a->html, "--html", err))
		return -1;
	return a->calendar ? add_text(d, PART_CALENDAR, a->calendar,
				      "--calendar", err) : 0;
}

static int add_parts(struct draft *d, const struct request *r,
		     const struct account *a, struct error *err)
{
	const struct compose_args *args = &r->compose;
	size_t files = args->attach.n + args->inlined.n;

	if (a->max_attachments && files > a->max_attachments)
		return error_set(err, ERROR_DATA, "%zu attachments, and "
				 "max_attachments is %u", files,
				 a->max_attachments);
	d->content = xcalloc(files + 3, sizeof(*d->content));
	d->part = xcalloc(files + 3, sizeof(*d->part));
	if (add_texts(d, r, err))
		return -1;
	for (size_t i = 0; i < args->inlined.n; i++)
		if (add_file(d, PART_INLINE, args->inlined.item[i], a, err))
			return -1;
	for (size_t i = 0; i < args->attach.n; i++)
		if (add_file(d, PART_ATTACH, args->attach.item[i], a, err))
			return -1;
	d->compose.part = d->part;
	d->compose.n_part = d->n_part;
	return 0;
}

/* From what mail/compose made to a message; the head changes hands. */
static void become(struct message *m, struct composed *c)
{
	*m = (struct message){ .head = c->head, .piece = c->piece,
		.n_piece = c->n_piece, .body_facts = c->facts,
		.binary = c->body == BODY_BINARY };
	m->head.max = 4 * (size_t)MESSAGE_HEAD_MAX;
	buf_init(&c->head, MESSAGE_HEAD_MAX);
	for (size_t i = 0; i < m->n_piece; i++)
		m->body_len += piece_size(&m->piece[i]);
}

static int make_binary(void *ctx, struct message *out, struct error *err)
{
	struct draft *d = ctx;
	struct buf id;
	int r;

	for (size_t i = 0; i < d->n_part; i++) {
		if (content_scan(&d->content[i], buf_cstr(&d->unique), err))
			return -1;
		content_fill(&d->content[i], &d->part[i]);
	}
	if (!d->made_binary) {
		d->made_binary = true;
		if (compose(&d->compose, true, &d->binary_form, err))
			return -1;
		become(&d->binary, &d->binary_form);
		buf_init(&id, 1 << 12);
		r = complete_message(&d->binary, d->completion, &id, err);
		buf_release(&id);
		if (r)
			return -1;
	}
	*out = d->binary;
	return 0;
}

static void say_warnings(const struct request *r, struct str lines)
{
	while (lines.n) {
		struct str line = str_cut(&lines, '\n');
		char *text = xstrndup(line.p, line.n);

		say(r, text);
		free(text);
	}
}

int draft_make(struct draft *d, const struct request *r,
	       const struct account *a, const char *mailname,
	       struct error *err)
{
	struct file_facts facts;

	d->charset = r->compose.charset ? r->compose.charset :
		charset_of_locale();
	entropy_hex(&d->unique, UNIQUE_OCTETS);
	/* Its absence is no trouble, nor is anything wrong with it. */
	if (file_slurp("/etc/mime.types", &d->mime_types, &facts, err))
		buf_reset(&d->mime_types);
	d->compose.unique = buf_cstr(&d->unique);
	d->compose.mailname = mailname;
	d->compose.mime_types = buf_str(&d->mime_types);
	if (take_fields(d, r, err) || add_parts(d, r, a, err))
		return -1;
	d->made = true;
	if (compose(&d->compose, false, &d->plain_form, err))
		return -1;
	say_warnings(r, buf_str(&d->plain_form.warnings));
	become(&d->message, &d->plain_form);
	if (d->plain_form.encoded) {
		d->message.make_binary = make_binary;
		d->message.ctx = d;
	}
	return 0;
}

void draft_completed(struct draft *d, const struct completion *c)
{
	d->completion = c;
}
