/* Errors: a domain and a code, immutable. */
#ifndef __NW_INDIRECT__
#warning "include <Network/Network.h> instead of one of its parts"
#include <Network/Network.h>
#endif

#ifndef BRAID_NW_ERROR_H
#define BRAID_NW_ERROR_H

#include <CoreFoundation/CoreFoundation.h>
#include <Network/nw_object.h>

BRAID_DECLS_BEGIN

NW_OBJECT_DECL(nw_error);

/*!
 * @typedef nw_error_domain_t
 * @abstract Where a code comes from.
 * @constant nw_error_domain_invalid No error (also the answer for NULL).
 * @constant nw_error_domain_posix An errno of this system: Linux numbers, which differ from
 *   Apple's.
 * @constant nw_error_domain_dns A DNSServiceErrorType, for example -65554 "no such record".
 * @constant nw_error_domain_tls An errSSL code, for example -9808 "bad certificate".
 * @constant nw_error_domain_wifi_aware Never produced on Linux.
 */
typedef enum {
	nw_error_domain_invalid = 0,
	nw_error_domain_posix = 1,
	nw_error_domain_dns = 2,
	nw_error_domain_tls = 3,
	nw_error_domain_wifi_aware = 4,
} nw_error_domain_t;

/*!
 * @function nw_error_get_error_domain
 * @param error An error, or NULL.
 * @result The domain; nw_error_domain_invalid for NULL.
 */
nw_error_domain_t nw_error_get_error_domain(nw_error_t error);

/*!
 * @function nw_error_get_error_code
 * @param error An error, or NULL.
 * @result The code, to be read together with the domain; 0 for NULL.
 */
int nw_error_get_error_code(nw_error_t error);

/*! @const kNWErrorDomainPOSIX The domain of CFErrors that are an errno (Linux numbers). */
extern const CFStringRef kNWErrorDomainPOSIX;
/*! @const kNWErrorDomainDNS The domain of CFErrors that are a DNSServiceErrorType. */
extern const CFStringRef kNWErrorDomainDNS;
/*! @const kNWErrorDomainTLS The domain of CFErrors that are an errSSL number. */
extern const CFStringRef kNWErrorDomainTLS;
/*! @const kNWErrorDomainWiFiAware Never produced on Linux. */
extern const CFStringRef kNWErrorDomainWiFiAware;

/*!
 * @function nw_error_copy_cf_error
 * @param error An error, or NULL.
 * @result The same domain and code as a CFError, with words about it; the caller CFReleases it.
 * NULL for NULL, or no memory.
 */
CFErrorRef _Nullable nw_error_copy_cf_error(nw_error_t error);

BRAID_DECLS_END

#endif
