/*
 * The head of one HTTP/1.1 request, decoded byte by byte. Cites RFC 9110 (semantics) and RFC 9112
 * (messages). Knows no socket and no clock.
 */
#include <string.h>
#include <strings.h>
#include "cli/http_request.h"

enum {
	STATE_START, /* before the request line: one empty line is skipped */
	STATE_SKIPPED,
	STATE_FIELDS,
	STATE_DONE,
	STATE_BAD,
};

static const char *const format_types[3][2] = {
	[BRI_HTTP_TEXT] = { "text", "plain" },
	[BRI_HTTP_HTML] = { "text", "html" },
	[BRI_HTTP_JSON] = { "application", "json" },
};

void bri_http_request_init(struct bri_http_request *request)
{
	memset(request, 0, sizeof(*request));
	request->status = 200;
}

static int refuse(struct bri_http_request *request, unsigned status)
{
	request->status = status;
	request->state = STATE_BAD;
	return BRI_HTTP_REQUEST_BAD;
}

/* RFC 9110 section 5.6.2 */
static bool is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			    (c && strchr("!#$%&'*+-.^_`|~", c))))
			return false;
	}
	return n > 0;
}

/* RFC 9112 section 2.3: "HTTP/" DIGIT "." DIGIT; we speak 1.0 and 1.1. */
static unsigned check_version(struct bri_http_request *request, const char *p, size_t n)
{
	if (n != 8 || memcmp(p, "HTTP/", 5) != 0 || p[5] < '0' || p[5] > '9' || p[6] != '.' ||
		p[7] < '0' || p[7] > '9')
		return 400;
	if (p[5] != '1')
		return 505;
	request->is_http10 = p[7] == '0';
	return 200;
}

/* RFC 9112 section 3.2: origin-form, or absolute-form as a proxy would get it. Nothing else with
 * GET. */
static unsigned check_target(struct bri_http_request *request, const char *p, size_t n)
{
	if (n > BRI_HTTP_REQUEST_MAX_TARGET)
		return 414;
	if (n == 0)
		return 400;
	for (size_t i = 0; i < n; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f) /* char may be signed: bytes over 0x7f are < 0 */
			return 400;
	if (p[0] != '/' && !(n > 7 && strncasecmp(p, "http://", 7) == 0))
		return 400;
	memcpy(request->target, p, n);
	request->target[n] = 0;
	return 200;
}

/* RFC 9112 section 3: method SP request-target SP HTTP-version, one space each. */
static unsigned on_request_line(struct bri_http_request *request, const char *line, size_t n)
{
	const char *method_end = memchr(line, ' ', n), *target, *target_end;
	unsigned status;
	size_t method_size;

	if (!method_end)
		return 400;
	method_size = (size_t)(method_end - line);
	target = method_end + 1;
	target_end = memchr(target, ' ', n - method_size - 1);
	if (!target_end || !is_token(line, method_size))
		return 400;
	status = check_version(request, target_end + 1, n - (size_t)(target_end + 1 - line));
	if (status != 200)
		return status;
	request->is_head = method_size == 4 && memcmp(line, "HEAD", 4) == 0;
	if (!request->is_head && !(method_size == 3 && memcmp(line, "GET", 3) == 0))
		return method_size > 32 ? 501 : 405;
	return check_target(request, target, (size_t)(target_end - target));
}

static bool is_name(const char *p, size_t n, const char *name)
{
	return strlen(name) == n && strncasecmp(p, name, n) == 0;
}

/* RFC 9110 section 12.4.2: 0 to 1 with at most three decimals; in thousandths, UINT32_MAX:
 * malformed. */
static unsigned parse_quality(const char *p, size_t n)
{
	unsigned value = 0, unit = 100;

	if (n < 1 || n > 5 || (p[0] != '0' && p[0] != '1') || (n > 1 && p[1] != '.'))
		return UINT32_MAX;
	value = p[0] == '1' ? 1000 : 0;
	for (size_t i = 2; i < n; i++, unit /= 10) {
		if (p[i] < '0' || p[i] > '9')
			return UINT32_MAX;
		value += (unsigned)(p[i] - '0') * unit;
	}
	return value <= 1000 ? value : UINT32_MAX;
}

static void trim(const char **p, size_t *n)
{
	while (*n && ((*p)[0] == ' ' || (*p)[0] == '\t'))
		(*p)++, (*n)--;
	while (*n && ((*p)[*n - 1] == ' ' || (*p)[*n - 1] == '\t'))
		(*n)--;
}

/* The q parameter of "type/sub; a=b; q=0.5" from its first semicolon on; 1000 without one. */
static unsigned quality_of(const char *p, const char *end)
{
	unsigned quality = 1000;

	while (p < end) {
		const char *param = p + 1, *next = memchr(param, ';', (size_t)(end - param));
		size_t size;

		if (!next)
			next = end;
		size = (size_t)(next - param);
		trim(&param, &size);
		if (size > 2 && (param[0] | 0x20) == 'q' && param[1] == '=')
			quality = parse_quality(param + 2, size - 2);
		p = next;
	}
	return quality;
}

/* One media range (RFC 9110 section 12.5.1). What is malformed is not counted. */
static void on_media_range(struct bri_http_request *request, const char *p, size_t n)
{
	const char *semi = memchr(p, ';', n), *type = p, *slash, *sub;
	size_t type_size = semi ? (size_t)(semi - p) : n, sub_size;
	unsigned quality = semi ? quality_of(semi, p + n) : 1000;

	trim(&type, &type_size);
	slash = memchr(type, '/', type_size);
	if (!slash || quality == UINT32_MAX)
		return;
	sub = slash + 1;
	sub_size = type_size - (size_t)(sub - type);
	type_size = (size_t)(slash - type);
	for (size_t i = 0; i < 3; i++) {
		bool any_type = is_name(type, type_size, "*"), any = is_name(sub, sub_size, "*");
		unsigned specificity = any_type ? 1 : any ? 2 : 3;

		if (!(any_type && any) &&
			!(is_name(type, type_size, format_types[i][0]) &&
				(any || is_name(sub, sub_size, format_types[i][1]))))
			continue;
		if (specificity < request->specificity[i])
			continue;
		request->specificity[i] = specificity;
		request->quality[i] = quality;
	}
}

static void on_accept(struct bri_http_request *request, const char *p, size_t n)
{
	const char *end = p + n, *comma;

	request->has_accept = true;
	for (; p < end; p = comma + 1) {
		comma = memchr(p, ',', (size_t)(end - p));
		if (!comma)
			comma = end;
		on_media_range(request, p, (size_t)(comma - p));
	}
}

/* RFC 9112 section 5: name ":" OWS value OWS; no space before the colon, no folded lines. */
static unsigned on_field(struct bri_http_request *request, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *value;
	size_t name_size, size;

	if (++request->fields > BRI_HTTP_REQUEST_MAX_FIELDS)
		return 431;
	if (!colon || !is_token(line, (size_t)(colon - line)))
		return 400;
	name_size = (size_t)(colon - line);
	value = colon + 1;
	size = n - name_size - 1;
	trim(&value, &size);
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
			return 400;
	if (is_name(line, name_size, "Host")) {
		if (request->has_host) /* RFC 9112 section 3.2: more than one is refused */
			return 400;
		request->has_host = true;
	} else if (is_name(line, name_size, "Accept")) {
		on_accept(request, value, size);
	} else if (is_name(line, name_size, "Content-Length")) {
		for (size_t i = 0; i < size; i++)
			if (value[i] < '0' || value[i] > '9')
				return 400;
		if (size == 0)
			return 400;
		for (size_t i = 0; i < size; i++)
			if (value[i] != '0') /* we read no content */
				return 413;
	} else if (is_name(line, name_size, "Transfer-Encoding")) {
		return 501;
	}
	return 200;
}

/* `format=` in the query wins over Accept: people type it where they cannot set a header. */
static bool format_of_query(const char *target, enum bri_http_format *ret)
{
	static const char *const names[] = { "text", "html", "json" };
	const char *p = strchr(target, '?');

	while (p) {
		const char *end = p + 1 + strcspn(p + 1, "&#");

		if (strncmp(p + 1, "format=", 7) == 0) {
			for (size_t i = 0; i < BRI_LEN(names); i++) {
				if (is_name(p + 8, (size_t)(end - p - 8), names[i])) {
					*ret = (enum bri_http_format)i;
					return true;
				}
			}
		}
		p = *end == '&' ? end : NULL;
	}
	return false;
}

/* The best quality; between equals what is most named, then plain text: curl says only "any". */
static enum bri_http_format choose_format(const struct bri_http_request *request)
{
	enum bri_http_format best = BRI_HTTP_TEXT;

	if (format_of_query(request->target, &best) || !request->has_accept)
		return best;
	for (unsigned i = 0; i < 3; i++) {
		if (request->quality[i] > request->quality[best] ||
			(request->quality[i] == request->quality[best] &&
				request->specificity[i] > request->specificity[best]))
			best = (enum bri_http_format)i;
	}
	return best;
}

static int on_head_end(struct bri_http_request *request)
{
	if (!request->has_host && !request->is_http10) /* RFC 9112 section 3.2 */
		return refuse(request, 400);
	request->format = choose_format(request);
	request->state = STATE_DONE;
	return BRI_HTTP_REQUEST_DONE;
}

/* A line without its end. RFC 9112 section 2.2: LF alone ends a line too; any other CR is refused.
 */
static int on_line(struct bri_http_request *request)
{
	size_t n = request->line_size;
	unsigned status;

	if (n && request->line[n - 1] == '\r')
		n--;
	request->line_size = 0;
	if (memchr(request->line, '\r', n) || memchr(request->line, 0, n))
		return refuse(request, 400);
	if (request->state != STATE_FIELDS) {
		if (n == 0 && request->state == STATE_START) {
			request->state = STATE_SKIPPED;
			return BRI_HTTP_REQUEST_MORE;
		}
		status = on_request_line(request, request->line, n);
		request->state = STATE_FIELDS;
	} else if (n == 0) {
		return on_head_end(request);
	} else {
		status = on_field(request, request->line, n);
	}
	return status == 200 ? BRI_HTTP_REQUEST_MORE : refuse(request, status);
}

int bri_http_request_rx(
	struct bri_http_request *request, const uint8_t *bytes, size_t size, size_t *ret_used)
{
	int r = BRI_HTTP_REQUEST_MORE;
	size_t used = 0;

	if (request->state == STATE_DONE)
		r = BRI_HTTP_REQUEST_DONE;
	else if (request->state == STATE_BAD)
		r = BRI_HTTP_REQUEST_BAD;
	while (r == BRI_HTTP_REQUEST_MORE && used < size) {
		uint8_t c = bytes[used++];

		if (++request->total > BRI_HTTP_REQUEST_MAX_BYTES)
			r = refuse(request, request->state == STATE_FIELDS ? 431 : 414);
		else if (c == '\n')
			r = on_line(request);
		else
			request->line[request->line_size++] = (char)c;
	}
	*ret_used = used;
	return r;
}

const char *bri_http_status_text(unsigned status)
{
	static const struct {
		unsigned status;
		const char *text;
	} texts[] = {
		{ 200, "OK" },
		{ 400, "Bad Request" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 408, "Request Timeout" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 431, "Request Header Fields Too Large" },
		{ 501, "Not Implemented" },
		{ 505, "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < BRI_LEN(texts); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "Error";
}
