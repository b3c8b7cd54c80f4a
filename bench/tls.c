/* Sessions of bare GnuTLS, used as its manual tells: what libNetwork is compared with. */
#include "tls.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAY_S = 86400 };

static gnutls_certificate_credentials_t credentials;
static gnutls_priority_t priority;

void bench_tls_check(const char *what, int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, gnutls_strerror(r));
	exit(1);
}

static gnutls_x509_crt_t make_certificate(gnutls_x509_privkey_t key)
{
	static const char name[] = "localhost";
	static const uint8_t serial[] = { 1 };
	gnutls_x509_crt_t crt;
	time_t now = time(NULL);

	bench_tls_check("certificate", gnutls_x509_crt_init(&crt));
	bench_tls_check("certificate", gnutls_x509_crt_set_version(crt, 3));
	bench_tls_check("serial", gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)));
	bench_tls_check("key", gnutls_x509_crt_set_key(crt, key));
	bench_tls_check("dates", gnutls_x509_crt_set_activation_time(crt, now - DAY_S));
	bench_tls_check("dates", gnutls_x509_crt_set_expiration_time(crt, now + DAY_S));
	bench_tls_check("name", gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
					sizeof(name) - 1, GNUTLS_FSAN_SET));
	bench_tls_check("usage", gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE));
	bench_tls_check("signature", gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0));
	return crt;
}

gnutls_datum_t bench_tls_pem(void)
{
	gnutls_datum_t crt_pem, key_pem, both;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;

	bench_tls_check("key", gnutls_x509_privkey_init(&key));
	bench_tls_check("key", gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
				       GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	crt = make_certificate(key);
	bench_tls_check("PEM", gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem));
	bench_tls_check("PEM", gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem));
	both.size = crt_pem.size + key_pem.size;
	both.data = gnutls_malloc(both.size);
	if (!both.data)
		bench_die("PEM");
	memcpy(both.data, crt_pem.data, crt_pem.size);
	memcpy(both.data + crt_pem.size, key_pem.data, key_pem.size);
	gnutls_free(crt_pem.data);
	gnutls_free(key_pem.data);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return both;
}

void bench_tls_client_init(void)
{
	bench_tls_check("credentials", gnutls_certificate_allocate_credentials(&credentials));
	bench_tls_check("priority", gnutls_priority_init(&priority, BENCH_TLS_PRIORITY, NULL));
}

void bench_tls_server_init(void)
{
	gnutls_datum_t pem = bench_tls_pem();

	bench_tls_client_init();
	bench_tls_check("identity",
		gnutls_certificate_set_x509_key_mem(credentials, &pem, &pem, GNUTLS_X509_FMT_PEM));
	gnutls_free(pem.data);
}

gnutls_session_t bench_tls_session(int fd, unsigned flags)
{
	gnutls_session_t session;

	bench_tls_check(
		"session", gnutls_init(&session,
				   flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS));
	bench_tls_check("priority", gnutls_priority_set(session, priority));
	bench_tls_check("credentials",
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials));
	gnutls_transport_set_int(session, fd);
	return session;
}
