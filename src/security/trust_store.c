/* The system's trust store, read once a process. Knows nothing of what is judged by it. */
#include "security/trust_store.h"

#include <pthread.h>
#include <stdlib.h>
#include "base/log.h"

static gnutls_x509_trust_list_t list;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* secure_getenv: who runs a set-user-id program does not choose whom it trusts */
static int fill(void)
{
	const char *file = secure_getenv("SSL_CERT_FILE");
	const char *dir = secure_getenv("SSL_CERT_DIR");
	int n = 0, r;

	if (!file && !dir)
		return gnutls_x509_trust_list_add_system_trust(list, 0, 0);
	if (file) {
		r = gnutls_x509_trust_list_add_trust_file(
			list, file, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
		n = r > 0 ? n + r : n;
	}
	if (dir) {
		r = gnutls_x509_trust_list_add_trust_dir(
			list, dir, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
		n = r > 0 ? n + r : n;
	}
	return n;
}

static void load(void)
{
	int n;

	if (gnutls_x509_trust_list_init(&list, 0) < 0) {
		list = NULL;
		return;
	}
	n = fill();
	if (n <= 0)
		bri_error("the system has no trusted certificates (%s): no server will be trusted",
			n < 0 ? gnutls_strerror(n) : "is ca-certificates installed?");
}

gnutls_x509_trust_list_t bri_trust_store_system(void)
{
	pthread_once(&once, load);
	return list;
}
