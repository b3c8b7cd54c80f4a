/* A program with blocks, as clang compiles it: certificates of an identity, CFSTR, availability. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <Network/Network.h>
#include <braid/security.h>

/* a self-signed P-256 certificate and its key; nothing here looks at its dates */
#include "security_blocks_pem.h"

static void certificates(void **state)
{
	braid_security_status_t status;
	sec_identity_t identity =
		braid_identity_create_from_pem(pem, sizeof(pem) - 1, NULL, 0, NULL, &status);
	sec_identity_t none = NULL;
	__block int n = 0;

	(void)state;
	assert_int_equal(status, braid_security_ok);
	assert_true(sec_identity_access_certificates(identity, ^(sec_certificate_t certificate) {
	  CFStringRef name =
		  SecCertificateCopySubjectSummary((SecCertificateRef)(void *)certificate);

	  assert_true(CFEqual(name, CFSTR("blocks.test")));
	  CFRelease(name);
	  n++;
	}));
	assert_int_equal(n, 1);
	assert_false(sec_identity_access_certificates(none, ^(sec_certificate_t certificate) {
	  (void)certificate;
	}));
	nw_release(identity);
}

static void available(void **state)
{
	bool reached = false;

	(void)state;
	if (__builtin_available(macOS 10.14, *))
		reached = true;
	assert_true(reached);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates),
		cmocka_unit_test(available),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
