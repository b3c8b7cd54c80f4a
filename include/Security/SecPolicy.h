/* Policies: what a certificate must be good for. */
#ifndef BRAID_SECURITY_SECPOLICY_H
#define BRAID_SECURITY_SECPOLICY_H

#include <Security/SecBase.h>

CF_EXTERN_C_BEGIN

/*! @function SecPolicyGetTypeID */
CFTypeID SecPolicyGetTypeID(void);

/*!
 * @function SecPolicyCreateBasicX509
 * @result The chain and its dates, for any purpose.
 */
SecPolicyRef SecPolicyCreateBasicX509(void);

/*!
 * @function SecPolicyCreateSSL
 * @param server True: a TLS server's certificate; false: a client's.
 * @param hostname The name it must be for; NULL: any.
 */
SecPolicyRef SecPolicyCreateSSL(Boolean server, CFStringRef hostname);

CF_EXTERN_C_END

#endif
