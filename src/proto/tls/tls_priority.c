/*
 * Versions and cipher suites as GnuTLS wants them: as a priority string of their parts (key
 * exchange, cipher, MAC). A list of suites therefore also allows suites that mix the parts of two
 * of them.
 */
#include "proto/tls/tls_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"

/* the names of all parts that GnuTLS has, each once, take 1 KB */
#define TEXT_MAX 4096u
/*
 * RFC 8446 section 4.1.4: a server that prefers a group of which the client has sent no share costs
 * a round trip, and early data. Nearly every client sends one of X25519; many send no other.
 */
#define SERVER_GROUPS                                                                              \
	":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"             \
	":+GROUP-X448:+GROUP-FFDHE2048:+GROUP-FFDHE3072:+GROUP-FFDHE4096:+GROUP-FFDHE6144"         \
	":+GROUP-FFDHE8192"
/* How many different texts are kept as GnuTLS reads them: a program has one or two. */
#define KEPT_MAX 8u

struct text {
	char bytes[TEXT_MAX];
	size_t size;
	bool full;
};

struct parts {
	bool any_13, any_12;
};

static void append(struct text *text, const char *what)
{
	size_t n = strlen(what);

	if (text->size + n >= TEXT_MAX) {
		text->full = true;
		return;
	}
	memcpy(text->bytes + text->size, what, n + 1);
	text->size += n;
}

static bool has(const struct text *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text->bytes; (at = strstr(at, name)); at += n) {
		if (at[-1] == '+' && (at[n] == ':' || !at[n]))
			return true;
	}
	return false;
}

static void append_once(struct text *text, const char *name)
{
	if (!name || has(text, name))
		return;
	append(text, ":+");
	append(text, name);
}

/* The suite with this number of the IANA's registry. */
static bool find_suite(uint16_t number, gnutls_kx_algorithm_t *ret_exchange,
	gnutls_cipher_algorithm_t *ret_cipher, gnutls_mac_algorithm_t *ret_mac, bool *ret_is_13)
{
	gnutls_protocol_t version;
	unsigned char id[2];

	for (size_t i = 0;
		gnutls_cipher_suite_info(i, id, ret_exchange, ret_cipher, ret_mac, &version); i++) {
		if ((id[0] << 8 | id[1]) != number)
			continue;
		*ret_is_13 = version == GNUTLS_TLS1_3;
		return true;
	}
	return false;
}

static void append_suite(struct text *text, struct parts *parts, uint16_t number)
{
	gnutls_kx_algorithm_t exchange = GNUTLS_KX_UNKNOWN;
	gnutls_cipher_algorithm_t cipher = GNUTLS_CIPHER_UNKNOWN;
	gnutls_mac_algorithm_t mac = GNUTLS_MAC_UNKNOWN;
	bool is_13;

	if (!find_suite(number, &exchange, &cipher, &mac, &is_13)) {
		bri_warn("tls: cipher suite %#06x is not built in", number);
		return;
	}
	parts->any_13 |= is_13;
	parts->any_12 |= !is_13;
	if (!is_13)
		append_once(text, gnutls_kx_get_name(exchange));
	append_once(text, gnutls_cipher_get_name(cipher));
	append_once(text, gnutls_mac_get_name(mac));
}

static bool append_suites(
	struct text *text, struct parts *parts, const struct bri_tls_config *config)
{
	append(text, ":-KX-ALL:-CIPHER-ALL:-MAC-ALL");
	for (size_t i = 0; i < config->n_suites; i++)
		append_suite(text, parts, config->suites[i]);
	/* RFC 8446 has no key exchange in its suites; GnuTLS has PSKs in its own all the same */
	if (parts->any_13 && config->n_psks)
		append(text, ":+ECDHE-PSK:+DHE-PSK:+PSK");
	if (parts->any_13)
		append(text, ":+ECDHE-ECDSA:+ECDHE-RSA");
	return parts->any_12 || parts->any_13;
}

/* TLS and DTLS versions, which RFC 6347 numbers backwards, in terms of TLS's. */
static bool append_versions(
	struct text *text, const struct parts *parts, const struct bri_tls_config *config)
{
	static const struct {
		uint16_t number;
		const char *tls, *dtls;
	} versions[] = {
		{ 0x0304, ":+VERS-TLS1.3", NULL },
		{ 0x0303, ":+VERS-TLS1.2", ":+VERS-DTLS1.2" },
		{ 0x0302, ":+VERS-TLS1.1", ":+VERS-DTLS1.0" },
		{ 0x0301, ":+VERS-TLS1.0", NULL },
	};
	bool any = false;

	append(text, ":-VERS-ALL");
	for (size_t i = 0; i < BRI_LEN(versions); i++) {
		const char *name = config->datagram ? versions[i].dtls : versions[i].tls;
		bool is_13 = versions[i].number == 0x0304;

		if (!name || versions[i].number < config->min_version ||
			versions[i].number > config->max_version ||
			(config->n_suites && !(is_13 ? parts->any_13 : parts->any_12)))
			continue;
		append(text, name);
		any = true;
	}
	return any;
}

/*
 * To read a text takes GnuTLS some 2 % of a handshake; sessions count their references to what was
 * read, and only read it. What is kept stays for the life of the process.
 */
static int set_text(gnutls_session_t session, const char *text)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct {
		char *text;
		gnutls_priority_t priority;
	} kept[KEPT_MAX];
	static size_t n_kept;
	gnutls_priority_t priority = NULL;
	int r;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_kept && !priority; i++) {
		if (!strcmp(kept[i].text, text))
			priority = kept[i].priority;
	}
	if (!priority && n_kept < KEPT_MAX && gnutls_priority_init(&priority, text, NULL) >= 0) {
		kept[n_kept].text = strdup(text);
		kept[n_kept].priority = priority;
		if (kept[n_kept].text) {
			n_kept++;
		} else {
			gnutls_priority_deinit(priority);
			priority = NULL;
		}
	}
	pthread_mutex_unlock(&lock);
	r = priority ? gnutls_priority_set(session, priority)
		     : gnutls_priority_set_direct(session, text, NULL);
	return bri_tls_errno(r);
}

int bri_tls_priority_set(gnutls_session_t session, const struct bri_tls_config *config)
{
	struct text *text = calloc(1, sizeof(*text));
	struct parts parts = { 0 };
	int r;

	if (!text)
		return -ENOMEM;
	append(text, "NORMAL");
	if (config->n_suites && !append_suites(text, &parts, config))
		text->full = true;
	if (!config->n_suites && config->n_psks)
		append(text, ":+ECDHE-PSK:+DHE-PSK:+PSK");
	if (!append_versions(text, &parts, config))
		text->full = true;
	if (config->server)
		append(text, SERVER_GROUPS ":%SERVER_PRECEDENCE");
	if (config->fallback && !config->server)
		append(text, ":%FALLBACK_SCSV");
	r = text->full ? -EINVAL : set_text(session, text->bytes);
	free(text);
	return r;
}

uint16_t bri_tls_suite(const struct bri_tls *tls)
{
	gnutls_cipher_algorithm_t cipher, used = gnutls_cipher_get(tls->session);
	gnutls_mac_algorithm_t mac, used_mac = gnutls_mac_get(tls->session);
	gnutls_kx_algorithm_t exchange, used_exchange = gnutls_kx_get(tls->session);
	bool used_13 = gnutls_protocol_get_version(tls->session) == GNUTLS_TLS1_3;
	gnutls_protocol_t version;
	unsigned char id[2];

	if (used == GNUTLS_CIPHER_NULL || used == GNUTLS_CIPHER_UNKNOWN)
		return 0;
	for (size_t i = 0; gnutls_cipher_suite_info(i, id, &exchange, &cipher, &mac, &version);
		i++) {
		if (cipher == used && mac == used_mac && (version == GNUTLS_TLS1_3) == used_13 &&
			(used_13 || exchange == used_exchange))
			return (uint16_t)(id[0] << 8 | id[1]);
	}
	return 0;
}
