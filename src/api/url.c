/* Takes the text of a URL apart (RFC 3986). Knows nothing of endpoints. */
#include "api/url.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 3986, 3.1 */
static bool is_scheme_char(char c)
{
	return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}

/*
 * RFC 3986, 3.2.2, reg-name without percent-encoding: a name to resolve has none. Bytes over 127
 * are let through for names that are not in ASCII; the resolver decides about them.
 */
static bool is_host_char(char c)
{
	return is_alpha(c) || is_digit(c) || (unsigned char)c >= 0x80 ||
	       (c && strchr("-._~!$&'()*+,;=", c));
}

static bool is_zone_char(char c)
{
	return is_alpha(c) || is_digit(c) || (c && strchr("-._~:@", c));
}

static bool is_ipv6_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
	       c == '.';
}

static bool all(const char *text, struct bri_span span, bool (*is_ok)(char))
{
	for (size_t i = 0; i < span.len; i++) {
		if (!is_ok(text[span.start + i]))
			return false;
	}
	return true;
}

/* the first byte of [from, to) that is one of `set`; `to`: none */
static size_t find(const char *text, size_t from, size_t to, const char *set)
{
	while (from < to && !(text[from] && strchr(set, text[from])))
		from++;
	return from;
}

static uint16_t default_port(const char *text, struct bri_span scheme)
{
	static const struct {
		const char *scheme;
		uint16_t port;
	} table[] = {
		{ "http", 80 },
		{ "https", 443 },
		{ "ftp", 21 },
		{ "ws", 80 },
		{ "wss", 443 },
	};

	for (size_t i = 0; i < BRI_LEN(table); i++) {
		if (strlen(table[i].scheme) == scheme.len &&
			!strncasecmp(table[i].scheme, text + scheme.start, scheme.len))
			return table[i].port;
	}
	return 0;
}

int bri_url_parse_port(const char *text, size_t len, uint16_t *ret)
{
	uint32_t port = 0;

	if (!len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return -EINVAL;
		port = port * 10 + (uint32_t)(text[i] - '0');
		if (port > UINT16_MAX)
			return -EINVAL;
	}
	*ret = (uint16_t)port;
	return 0;
}

/* "[" address [zone] "]" at [from, to); ret_end is behind the bracket */
static int parse_literal(
	const char *text, size_t from, size_t to, struct bri_url *url, size_t *ret_end)
{
	size_t start = from + 1;
	size_t close = find(text, start, to, "]");
	size_t percent = find(text, start, close, "%");

	if (close == to)
		return -EINVAL;
	url->is_ipv6 = true;
	url->host = (struct bri_span) { start, percent - start };
	if (percent < close) {
		size_t zone = percent + 1;

		/* a zone of one character named "2" or "25" alone is taken as it stands */
		if (close - zone > 2 && text[zone] == '2' && text[zone + 1] == '5')
			zone += 2;
		url->zone = (struct bri_span) { zone, close - zone };
		if (!url->zone.len)
			return -EINVAL;
	}
	if (!url->host.len || !all(text, url->host, is_ipv6_char) ||
		!all(text, url->zone, is_zone_char))
		return -EINVAL;
	*ret_end = close + 1;
	return 0;
}

/* [userinfo "@"] host [":" port] at [from, to) */
static int parse_authority(const char *text, size_t from, size_t to, struct bri_url *url)
{
	size_t at = find(text, from, to, "@");
	size_t end;
	int r;

	/* a second "@", which makes one host look like another, then stands in the host: refused */
	if (at < to)
		from = at + 1;
	if (from < to && text[from] == '[') {
		r = parse_literal(text, from, to, url, &end);
		if (r)
			return r;
	} else {
		end = find(text, from, to, ":");
		url->host = (struct bri_span) { from, end - from };
		if (url->host.len > BRI_URL_HOST_MAX)
			return -ENAMETOOLONG;
		if (!url->host.len || !all(text, url->host, is_host_char))
			return -EINVAL;
	}
	if (end == to)
		return 0;
	if (text[end] != ':')
		return -EINVAL;
	end++;
	/* RFC 3986, 3.2.3: an empty port is the scheme's */
	return end == to ? 0 : bri_url_parse_port(text + end, to - end, &url->port);
}

int bri_url_parse(const char *text, size_t len, struct bri_url *ret)
{
	struct bri_url url = { 0 };
	size_t at, authority_end, end;
	int r;

	if (len > BRI_URL_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return -EINVAL;
	}
	at = find(text, 0, len, ":/?#");
	url.scheme.len = at;
	if (!at || !is_alpha(text[0]) || !all(text, url.scheme, is_scheme_char))
		return -EINVAL;
	if (len - at < 3 || memcmp(text + at, "://", 3) != 0)
		return -EINVAL;
	at += 3;
	url.port = default_port(text, url.scheme);
	authority_end = find(text, at, len, "/?#");
	r = parse_authority(text, at, authority_end, &url);
	if (r)
		return r;
	end = find(text, authority_end, len, "#");
	url.path = (struct bri_span) { authority_end, end - authority_end };
	*ret = url;
	return 0;
}
