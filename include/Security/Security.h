/* The part of the Security framework that goes with the Network framework. */
#ifndef BRAID_SECURITY_SECURITY_H
#define BRAID_SECURITY_SECURITY_H

#include <os/base.h>
#include <Security/SecBase.h>
#include <Security/SecCertificate.h>
#include <Security/SecIdentity.h>
#include <Security/SecImportExport.h>
#include <Security/SecKey.h>
#include <Security/SecObjects.h>
#include <Security/SecPolicy.h>
#include <Security/SecTrust.h>
#include <Security/SecureTransport.h>
#if __has_include(<Security/CipherSuite.h>)
#include <Security/CipherSuite.h>
#endif
#if __has_include(<Security/SecProtocolObject.h>)
#include <Security/SecProtocolObject.h>
#endif
#if __has_include(<Security/SecProtocolTypes.h>)
#include <Security/SecProtocolTypes.h>
#endif
#if __has_include(<Security/SecProtocolOptions.h>)
#include <Security/SecProtocolOptions.h>
#endif
#if __has_include(<Security/SecProtocolMetadata.h>)
#include <Security/SecProtocolMetadata.h>
#endif

#endif
