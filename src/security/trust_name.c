/*
 * Is a certificate for this name? RFC 9525: only subjectAltName counts, an address must be an
 * iPAddress there. The subject's common name counts for nothing (section 2; nor has it on Apple's
 * systems since 2019), while GnuTLS falls back to it.
 */
#include "security/trust_name.h"

#include <arpa/inet.h>
#include <string.h>

#define NAME_MAX_BYTES 254  /* RFC 1035 section 2.3.4: 253 characters, and a final dot */
#define SAN_MAX        4096 /* names looked through: as many fit a certificate of 128 KiB */

/* the address that the text is; 0: it is none. Scopes (RFC 4007) are of no concern to peers. */
static unsigned int parse_address(const char *host, uint8_t ret[static 16])
{
	char text[INET6_ADDRSTRLEN];
	size_t len = strcspn(host, "%");

	if (len == 0 || len >= sizeof(text))
		return 0;
	memcpy(text, host, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, ret) == 1)
		return 4;
	return inet_pton(AF_INET6, text, ret) == 1 ? 16 : 0;
}

/* has the certificate a dNSName at all? Then GnuTLS does not look at the common name. */
static bool has_dns_name(gnutls_x509_crt_t crt)
{
	for (unsigned int i = 0; i < SAN_MAX; i++) {
		char name[1];
		size_t size = sizeof(name);
		int type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);

		if (type == GNUTLS_SAN_DNSNAME)
			return true;
		if (type == GNUTLS_E_SHORT_MEMORY_BUFFER) {
			/* it does not tell the type then: ask once more, with room */
			char more[NAME_MAX_BYTES + 1];

			size = sizeof(more);
			if (gnutls_x509_crt_get_subject_alt_name(crt, i, more, &size, NULL) ==
				GNUTLS_SAN_DNSNAME)
				return true;
		} else if (type < 0) {
			return false;
		}
	}
	return false;
}

bool bri_trust_name_matches(gnutls_x509_crt_t crt, const char *host)
{
	uint8_t address[16];
	unsigned int size = parse_address(host, address);
	char name[NAME_MAX_BYTES + 1];
	size_t len = strlen(host);

	if (size > 0)
		return gnutls_x509_crt_check_ip(crt, address, size, 0) != 0;
	if (len == 0 || len >= sizeof(name) || !has_dns_name(crt))
		return false;
	memcpy(name, host, len + 1);
	if (name[len - 1] == '.') /* the same name, written absolutely */
		name[len - 1] = '\0';
	return gnutls_x509_crt_check_hostname2(crt, name, 0) != 0;
}
