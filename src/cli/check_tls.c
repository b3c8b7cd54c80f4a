/* A TLS handshake for `braid check HOST` by the public API, and what was agreed and shown. */
#include "cli/check_tls.h"

#include <arpa/inet.h>
#include <braid/security.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/check_attempt.h"

/* Names that are looked at: each costs a walk over those before it; real ones have up to 100. */
#define NAMES_MAX 256

/* What a peer wrote goes to a terminal: no control characters, no bytes that may be some. */
static void set_text(char *ret, size_t size, const void *text, size_t n)
{
	const unsigned char *from = text;
	size_t i = 0;

	for (; i < n && i + 1 < size; i++)
		ret[i] = from[i] >= 0x20 && from[i] < 0x7f ? (char)from[i] : '?';
	ret[i] = 0;
}

/* --- the certificate --- */

static void add_name(struct bri_check_tls *tls, unsigned type, const void *name, size_t n)
{
	char *to = tls->names[tls->n_names];
	int family = n == 4 ? AF_INET : AF_INET6;

	if (tls->n_names == BRI_CHECK_TLS_MAX_NAMES) {
		tls->names_cut = true;
		return;
	}
	if (type == GNUTLS_SAN_DNSNAME)
		set_text(to, BRI_CHECK_TLS_NAME_SIZE, name, n);
	else if (type != GNUTLS_SAN_IPADDRESS || (n != 4 && n != 16) ||
		 !inet_ntop(family, name, to, BRI_CHECK_TLS_NAME_SIZE))
		return; /* not what a host is called by */
	tls->n_names++;
}

/* RFC 9525, 6.3: names of hosts are in subjectAltName; a common name is for people only. */
static void read_names(struct bri_check_tls *tls, gnutls_x509_crt_t crt)
{
	char name[512];
	int r = 0;

	for (unsigned i = 0; r >= 0 && !tls->names_cut; i++) {
		size_t size = sizeof(name);

		r = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);
		if (r >= 0)
			add_name(tls, (unsigned)r, name, size);
		else if (r == GNUTLS_E_SHORT_MEMORY_BUFFER)
			r = 0; /* longer than any host's name */
		if (i == NAMES_MAX)
			tls->names_cut = true;
	}
}

static void read_issuer(struct bri_check_tls *tls, gnutls_x509_crt_t crt)
{
	static const char *const oids[] = { GNUTLS_OID_X520_COMMON_NAME,
		GNUTLS_OID_X520_ORGANIZATION_NAME };
	char name[512];

	for (size_t i = 0; i < BRI_LEN(oids) && !*tls->issuer; i++) {
		size_t size = sizeof(name);

		if (gnutls_x509_crt_get_issuer_dn_by_oid(crt, oids[i], 0, 0, name, &size) == 0)
			set_text(tls->issuer, sizeof(tls->issuer), name, size);
	}
}

/* For each of the chain; the first is the server's own. */
static void on_certificate(void *context, sec_certificate_t certificate)
{
	struct bri_check_tls *tls = context;
	gnutls_datum_t der;
	gnutls_x509_crt_t crt;
	size_t size;

	if (tls->has_certificate)
		return;
	tls->has_certificate = true;
	der.data = (unsigned char *)braid_certificate_get_der(certificate, &size);
	if (!der.data || gnutls_x509_crt_init(&crt) < 0)
		return;
	der.size = (unsigned)size;
	if (gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) == 0) {
		read_names(tls, crt);
		read_issuer(tls, crt);
		tls->not_before = gnutls_x509_crt_get_activation_time(crt);
		tls->not_after = gnutls_x509_crt_get_expiration_time(crt);
	}
	gnutls_x509_crt_deinit(crt);
}

/* --- the connection --- */

static void read_agreed(sec_protocol_metadata_t sec, struct bri_check_tls *ret)
{
	const char *alpn = sec_protocol_metadata_get_negotiated_protocol(sec);

	ret->version = (unsigned)sec_protocol_metadata_get_negotiated_tls_protocol_version(sec);
	ret->suite = (uint16_t)sec_protocol_metadata_get_negotiated_tls_ciphersuite(sec);
	if (alpn)
		set_text(ret->alpn, sizeof(ret->alpn), alpn, strlen(alpn));
}

/*
 * The same evaluation as without a handler, but the handshake goes on after a no: what else was
 * agreed is worth knowing too, and nothing is sent on this connection.
 */
static void verify(void *context, sec_protocol_metadata_t metadata, sec_trust_t trust,
	sec_protocol_verify_complete_f complete, void *complete_context)
{
	struct bri_check_tls *tls = context;

	/* a server that wants a certificate of ours may be gone when the main thread looks */
	read_agreed(metadata, tls);
	tls->trust = braid_trust_evaluate(trust);
	sec_protocol_metadata_access_peer_certificate_chain_f(metadata, tls, on_certificate);
	complete(complete_context, true);
}

struct setup {
	struct bri_check_tls *tls;
	dispatch_queue_t queue; /* where verify() runs */
};

static void configure(void *context, nw_protocol_options_t options)
{
	struct setup *setup = context;
	sec_protocol_options_t sec = nw_tls_copy_sec_protocol_options(options);

	sec_protocol_options_add_tls_application_protocol(sec, "h2");
	sec_protocol_options_add_tls_application_protocol(sec, "http/1.1");
	sec_protocol_options_set_verify_block_f(sec, setup->tls, verify, NULL, setup->queue);
	sec_release(sec);
}

static void read_ready(struct bri_check_attempt *attempt, struct bri_check_tls *ret)
{
	nw_protocol_definition_t definition = nw_protocol_copy_tls_definition();
	nw_protocol_metadata_t metadata =
		nw_connection_copy_protocol_metadata(attempt->connection, definition);
	sec_protocol_metadata_t sec = metadata ? nw_tls_copy_sec_protocol_metadata(metadata) : NULL;

	ret->outcome = BRI_CHECK_TLS_READY;
	ret->handshake_us = (attempt->ready_ns - attempt->start_ns) / BRI_NS_PER_US;
	ret->multipath = braid_connection_is_multipath(attempt->connection);
	if (sec)
		read_agreed(sec, ret);
	sec_release(sec);
	nw_release(metadata);
	nw_release(definition);
}

static void read_failed(const struct bri_check_attempt *attempt, struct bri_check_tls *ret)
{
	ret->outcome = BRI_CHECK_TLS_FAILED;
	ret->is_tls_error = attempt->domain == nw_error_domain_tls;
	ret->code = attempt->code;
	snprintf(ret->error, sizeof(ret->error), "%s", attempt->error);
}

static void nothing(void *context)
{
	(void)context;
}

int bri_check_tls_try(
	const struct bri_cli_target *target, uint64_t timeout_ns, struct bri_check_tls *ret)
{
	struct setup setup = { ret,
		dispatch_queue_create("braid.check.verify", DISPATCH_QUEUE_SERIAL) };
	nw_parameters_t parameters = nw_parameters_create_secure_tcp_f(
		&setup, configure, NULL, BRAID_DEFAULT_CONFIGURATION_F);
	struct bri_check_attempt attempt;
	int r;

	*ret = (struct bri_check_tls) { .timeout_ns = timeout_ns, .now = time(NULL) };
	if (parameters)
		nw_parameters_set_multipath_service(parameters, nw_multipath_service_handover);
	r = bri_check_attempt_start(target, parameters, timeout_ns, &attempt);
	if (r == 0 && attempt.ready)
		read_ready(&attempt, ret);
	else if (r == 0)
		read_failed(&attempt, ret);
	else
		ret->outcome = BRI_CHECK_TLS_SILENT;
	bri_check_attempt_end(&attempt);
	nw_release(parameters);
	dispatch_sync_f(setup.queue, NULL, nothing); /* verify() writes to *ret */
	dispatch_release(setup.queue);
	return r == -ENOMEM ? r : 0;
}
