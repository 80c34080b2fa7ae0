#include "mail/mimetype.h"

#include <string.h>

#include "mail/param.h"
#include "util/utf8.h"

static const struct {
	const char *extension, *type;
} types[] = {
	{ "7z", "application/x-7z-compressed" },
	{ "aac", "audio/aac" },
	{ "ai", "application/postscript" },
	{ "aif", "audio/x-aiff" },
	{ "aiff", "audio/x-aiff" },
	{ "apk", "application/vnd.android.package-archive" },
	{ "apng", "image/apng" },
	{ "asc", "text/plain" },
	{ "avi", "video/x-msvideo" },
	{ "avif", "image/avif" },
	{ "azw", "application/vnd.amazon.ebook" },
	{ "bash", "application/x-sh" },
	{ "bat", "application/x-bat" },
	{ "bin", "application/octet-stream" },
	{ "bmp", "image/bmp" },
	{ "bz", "application/x-bzip" },
	{ "bz2", "application/x-bzip2" },
	{ "c", "text/x-csrc" },
	{ "cab", "application/vnd.ms-cab-compressed" },
	{ "cc", "text/x-c++src" },
	{ "cer", "application/pkix-cert" },
	{ "cfg", "text/plain" },
	{ "conf", "text/plain" },
	{ "cpp", "text/x-c++src" },
	{ "crl", "application/pkix-crl" },
	{ "crt", "application/x-x509-ca-cert" },
	{ "css", "text/css" },
	{ "csv", "text/csv" },
	{ "deb", "application/vnd.debian.binary-package" },
	{ "der", "application/x-x509-ca-cert" },
	{ "diff", "text/x-diff" },
	{ "dmg", "application/x-apple-diskimage" },
	{ "doc", "application/msword" },
	{ "docm", "application/vnd.ms-word.document.macroenabled.12" },
	{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
	{ "dot", "application/msword" },
	{ "dotx", "application/vnd.openxmlformats-officedocument.wordprocessingml.template" },
	{ "dvi", "application/x-dvi" },
	{ "dwg", "image/vnd.dwg" },
	{ "dxf", "image/vnd.dxf" },
	{ "eml", "message/rfc822" },
	{ "eps", "application/postscript" },
	{ "epub", "application/epub+zip" },
	{ "exe", "application/vnd.microsoft.portable-executable" },
	{ "f4v", "video/mp4" },
	{ "flac", "audio/flac" },
	{ "flv", "video/x-flv" },
	{ "geojson", "application/geo+json" },
	{ "gif", "image/gif" },
	{ "gpg", "application/pgp-encrypted" },
	{ "gpx", "application/gpx+xml" },
	{ "gz", "application/gzip" },
	{ "h", "text/x-chdr" },
	{ "heic", "image/heic" },
	{ "heif", "image/heif" },
	{ "hpp", "text/x-c++hdr" },
	{ "htm", "text/html" },
	{ "html", "text/html" },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "ics", "text/calendar" },
	{ "ifb", "text/calendar" },
	{ "ini", "text/plain" },
	{ "ipynb", "application/x-ipynb+json" },
	{ "iso", "application/x-iso9660-image" },
	{ "jar", "application/java-archive" },
	{ "java", "text/x-java" },
	{ "jp2", "image/jp2" },
	{ "jpe", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "jpg", "image/jpeg" },
	{ "js", "text/javascript" },
	{ "json", "application/json" },
	{ "jsonl", "application/jsonl" },
	{ "jsonld", "application/ld+json" },
	{ "jxl", "image/jxl" },
	{ "kml", "application/vnd.google-earth.kml+xml" },
	{ "kmz", "application/vnd.google-earth.kmz" },
	{ "latex", "application/x-latex" },
	{ "list", "text/plain" },
	{ "log", "text/plain" },
	{ "lz", "application/x-lzip" },
	{ "lz4", "application/x-lz4" },
	{ "lzma", "application/x-lzma" },
	{ "m3u", "audio/x-mpegurl" },
	{ "m4a", "audio/mp4" },
	{ "m4v", "video/mp4" },
	{ "markdown", "text/markdown" },
	{ "md", "text/markdown" },
	{ "mid", "audio/midi" },
	{ "midi", "audio/midi" },
	{ "mjs", "text/javascript" },
	{ "mkv", "video/x-matroska" },
	{ "mobi", "application/x-mobipocket-ebook" },
	{ "mov", "video/quicktime" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "mpeg", "video/mpeg" },
	{ "mpg", "video/mpeg" },
	{ "mpp", "application/vnd.ms-project" },
	{ "msg", "application/vnd.ms-outlook" },
	{ "msi", "application/x-msi" },
	{ "odb", "application/vnd.oasis.opendocument.database" },
	{ "odf", "application/vnd.oasis.opendocument.formula" },
	{ "odg", "application/vnd.oasis.opendocument.graphics" },
	{ "odp", "application/vnd.oasis.opendocument.presentation" },
	{ "ods", "application/vnd.oasis.opendocument.spreadsheet" },
	{ "odt", "application/vnd.oasis.opendocument.text" },
	{ "oga", "audio/ogg" },
	{ "ogg", "audio/ogg" },
	{ "ogv", "video/ogg" },
	{ "opus", "audio/ogg" },
	{ "otf", "font/otf" },
	{ "ott", "application/vnd.oasis.opendocument.text-template" },
	{ "p12", "application/x-pkcs12" },
	{ "p7c", "application/pkcs7-mime" },
	{ "p7m", "application/pkcs7-mime" },
	{ "p7s", "application/pkcs7-signature" },
	{ "patch", "text/x-diff" },
	{ "pcap", "application/vnd.tcpdump.pcap" },
	{ "pdf", "application/pdf" },
	{ "pem", "application/x-pem-file" },
	{ "pfx", "application/x-pkcs12" },
	{ "php", "application/x-httpd-php" },
	{ "pl", "text/x-perl" },
	{ "png", "image/png" },
	{ "pot", "application/vnd.ms-powerpoint" },
	{ "pps", "application/vnd.ms-powerpoint" },
	{ "ppt", "application/vnd.ms-powerpoint" },
	{ "pptm", "application/vnd.ms-powerpoint.presentation.macroenabled.12" },
	{ "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation" },
	{ "ps", "application/postscript" },
	{ "psd", "image/vnd.adobe.photoshop" },
	{ "py", "text/x-python" },
	{ "qt", "video/quicktime" },
	{ "rar", "application/vnd.rar" },
	{ "rb", "application/x-ruby" },
	{ "rpm", "application/x-rpm" },
	{ "rst", "text/x-rst" },
	{ "rtf", "application/rtf" },
	{ "sh", "application/x-sh" },
	{ "sig", "application/pgp-signature" },
	{ "sql", "application/sql" },
	{ "sqlite", "application/vnd.sqlite3" },
	{ "svg", "image/svg+xml" },
	{ "svgz", "image/svg+xml" },
	{ "swf", "application/x-shockwave-flash" },
	{ "tar", "application/x-tar" },
	{ "tbz2", "application/x-bzip2" },
	{ "tex", "text/x-tex" },
	{ "text", "text/plain" },
	{ "tgz", "application/gzip" },
	{ "tif", "image/tiff" },
	{ "tiff", "image/tiff" },
	{ "toml", "application/toml" },
	{ "torrent", "application/x-bittorrent" },
	{ "ts", "video/mp2t" },
	{ "tsv", "text/tab-separated-values" },
	{ "ttf", "font/ttf" },
	{ "txt", "text/plain" },
	{ "txz", "application/x-xz" },
	{ "vcard", "text/vcard" },
	{ "vcf", "text/vcard" },
	{ "vcs", "text/x-vcalendar" },
	{ "vsd", "application/vnd.visio" },
	{ "vtt", "text/vtt" },
	{ "wasm", "application/wasm" },
	{ "wav", "audio/x-wav" },
	{ "weba", "audio/webm" },
	{ "webm", "video/webm" },
	{ "webp", "image/webp" },
	{ "wma", "audio/x-ms-wma" },
	{ "wmf", "image/wmf" },
	{ "wmv", "video/x-ms-wmv" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "xhtml", "application/xhtml+xml" },
	{ "xls", "application/vnd.ms-excel" },
	{ "xlsb", "application/vnd.ms-excel.sheet.binary.macroenabled.12" },
	{ "xlsm", "application/vnd.ms-excel.sheet.macroenabled.12" },
	{ "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" },
	{ "xltx", "application/vnd.openxmlformats-officedocument.spreadsheetml.template" },
	{ "xml", "application/xml" },
	{ "xps", "application/vnd.ms-xpsdocument" },
	{ "xsl", "application/xslt+xml" },
	{ "xz", "application/x-xz" },
	{ "yaml", "application/yaml" },
	{ "yml", "application/yaml" },
	{ "zip", "application/zip" },
	{ "zst", "application/zstd" },
};

bool mimetype_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 127 ||
		    strchr("()<>@,;:\\\"/[]?=", s.p[i]))
			return false;
	return s.n > 0;
}

/* "token/token" and nothing else. */
static bool is_type(struct str s)
{
	struct str main = str_cut(&s, '/');

	return mimetype_token(main) && mimetype_token(s);
}

/* Is it of the main type, "multipart/"? */
static bool is_multipart(struct str type)
{
	return str_casestarts(type, STR("multipart/"));
}

struct str mimetype_parse(struct str system, struct str extension)
{
	while (system.n && extension.n) {
		struct str line = str_cut(&system, '\n');
		struct str type = STR("");

		line = str_cut(&line, '#');
		while (line.n) {
			size_t n = 0;
			struct str word;

			while (n < line.n && !strchr(" \t\r", line.p[n]))
				n++;
			word = (struct str){ line.p, n };
			line.p += n < line.n ? n + 1 : n;
			line.n -= n < line.n ? n + 1 : n;
			if (!type.n)
				type = word;
			else if (str_caseeq(word, extension) &&
				 is_type(type) && !is_multipart(type))
				return type;
		}
	}
	return STR("");
}

struct str mimetype_by_name(struct str name, struct str system)
{
	struct str extension = { name.p + name.n, 0 }, type;

	while (extension.p > name.p && extension.p[-1] != '.') {
		extension.p--;
		extension.n++;
	}
	if (extension.n + 1 >= name.n)	/* no dot, or only one that hides it */
		return STR("");
	type = mimetype_parse(system, extension);
	if (type.n)
		return type;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (str_caseeq(extension, str_of(types[i].extension)))
			return str_of(types[i].type);
	return STR("");
}

struct str mimetype_essence(struct str type)
{
	return str_trim(str_cut(&type, ';'));
}

/* Take the next ";" or the end off *rest, but not one in quotes. */
static struct str next_param(struct str *rest)
{
	struct str all = *rest;
	bool quoted = false;
	size_t n = 0;

	for (; n < all.n && (quoted || all.p[n] != ';'); n++)
		if (quoted && all.p[n] == '\\' && n + 1 < all.n)
			n++;
		else if (all.p[n] == '"')
			quoted = !quoted;
	rest->p += n < all.n ? n + 1 : n;
	rest->n -= n < all.n ? n + 1 : n;
	return str_trim((struct str){ all.p, n });
}

/* Append a value without its quotes.  False if they do not match. */
static bool unquote(struct buf *out, struct str s)
{
	if (!s.n || *s.p != '"') {
		buf_add(out, s);
		return mimetype_token(s);
	}
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1 == s.n;
		if (s.p[i] == '\\' && ++i == s.n)
			return false;
		buf_addch(out, s.p[i]);
	}
	return false;
}

static void lower(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_addch(out, ascii_lower(s.p[i]));
}

static bool add_params(struct buf *out, struct str rest)
{
	bool good = true;

	while (good && rest.n) {
		struct str param = next_param(&rest), name, given = param;
		struct buf key, value;

		if (!param.n)
			continue;
		name = str_trim(str_cut(&param, '='));
		buf_init(&key, name.n);
		buf_init(&value, param.n);
		lower(&key, name);
		good = mimetype_token(name) && name.n <= 40 &&
		       name.n < given.n &&
		       unquote(&value, str_trim(param));
		if (good)
			param_add(out, buf_str(&key), buf_str(&value));
		buf_release(&key);
		buf_release(&value);
	}
	return good;
}

int mimetype_add(struct buf *out, struct str type, struct error *err)
{
	struct str essence = mimetype_essence(type), rest = type;
	size_t len = out->len;
	struct buf shown;

	if (is_multipart(essence))
		return error_set(err, ERROR_DATA, "a file cannot be of a "
				 "multipart type; leave the type out");
	if (is_type(essence) && essence.n <= 127 && !str_has_ctl(type) &&
	    utf8_valid(type)) {
		str_cut(&rest, ';');
		lower(out, essence);
		if (add_params(out, rest))
			return 0;
		out->len = len;
	}
	buf_init(&shown, 200);
	utf8_escape(&shown, type);
	error_set(err, ERROR_DATA, "'%s' is no media type; it is like "
		  "'text/csv' or 'text/plain; charset=utf-8'",
		  buf_cstr(&shown));
	buf_release(&shown);
	return -1;
}

bool mimetype_has(struct str type, struct str param)
{
	str_cut(&type, ';');
	while (type.n) {
		struct str one = next_param(&type);

		if (str_caseeq(str_trim(str_cut(&one, '=')), param))
			return true;
	}
	return false;
}
