import { testGroupedConvolutions } from './grouped_convolution_suite.js';

testGroupedConvolutions('1');
