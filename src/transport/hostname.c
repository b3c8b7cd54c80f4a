/* What a host name says by itself, before anybody is asked. Pure but for interface names. */
#include "transport/hostname.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>
#include <strings.h>

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

/* "%eth0" or "%2"; returns 0 when there is no such interface (0 is no interface's index). */
static uint32_t zone_index(const char *zone)
{
	uint64_t n = 0;
	const char *p;

	if (!*zone)
		return 0;
	for (p = zone; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++)
		n = n * 10 + (uint64_t)(*p - '0');
	if (!*p && n <= UINT32_MAX)
		return (uint32_t)n;
	return if_nametoindex(zone);
}

static enum bri_hostname_kind as_address(const char *host, union bri_sockaddr *ret)
{
	union bri_sockaddr a = { 0 };
	char text[INET6_ADDRSTRLEN];
	const char *percent = strchr(host, '%');
	size_t len = percent ? (size_t)(percent - host) : strlen(host);

	if (len >= sizeof(text))
		return BRI_HOSTNAME_NAME;
	memcpy(text, host, len);
	text[len] = 0;
	if (!percent && inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
	} else if (inet_pton(AF_INET6, text, &a.in6.sin6_addr) == 1) {
		a.in6.sin6_family = AF_INET6;
		if (percent)
			a.in6.sin6_scope_id = zone_index(percent + 1);
		if (percent && !a.in6.sin6_scope_id)
			return BRI_HOSTNAME_NO_ZONE;
	} else {
		return BRI_HOSTNAME_NAME;
	}
	if (ret)
		*ret = a;
	return BRI_HOSTNAME_ADDRESS;
}

/* Labels of 1 to 63 octets, at most 253 in all, one dot more at the end. Underscores and octets
 * above 127 are left to the servers; spaces, controls and a second dot cannot be meant. */
static bool well_formed(const char *host)
{
	size_t total = strnlen(host, BRI_HOSTNAME_MAX + 1), label = 0;

	if (!total || total > BRI_HOSTNAME_MAX)
		return false;
	if (total == BRI_HOSTNAME_MAX && host[total - 1] != '.')
		return false;
	for (const char *p = host; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (c <= ' ' || c == 0x7f || c == '%' || c == '/' || c == ':' || c == '\\')
			return false;
		if (c == '.' && !label)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return true;
}

/* `host` is `zone`, or below it; a final dot does not count. */
static bool is_below(const char *host, const char *zone)
{
	size_t n = strlen(host), z = strlen(zone);

	if (n && host[n - 1] == '.')
		n--;
	if (n < z || strncasecmp(host + n - z, zone, z))
		return false;
	return n == z || host[n - z - 1] == '.';
}

enum bri_hostname_kind bri_hostname_classify(const char *host, union bri_sockaddr *ret)
{
	enum bri_hostname_kind kind = as_address(host, ret);

	if (kind != BRI_HOSTNAME_NAME)
		return kind;
	if (!well_formed(host))
		return BRI_HOSTNAME_INVALID;
	if (is_below(host, "localhost"))
		return BRI_HOSTNAME_LOOPBACK;
	if (is_below(host, "invalid") || is_below(host, "onion"))
		return BRI_HOSTNAME_NEVER;
	if (is_below(host, "local"))
		return BRI_HOSTNAME_LOCAL;
	return BRI_HOSTNAME_NAME;
}
